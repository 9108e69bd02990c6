import { createHash } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'

import { describeError, PraetorError } from './model/errors.ts'
import { tarEnd, tarHeader, tarPadding } from './wire/tar.ts'

/**
 * A snapshot as it leaves the cluster: Consul's archive, a gzipped tar (POSIX.1-1988 ustar) of `meta.json`, `state.bin` and
 * `SHA256SUMS`, so that `consul snapshot inspect` and backup scripts read it. The state itself is in Praetor's own form.
 */
export interface ArchiveMeta {
  readonly Version: 1
  readonly ID: string
  readonly Index: number
  readonly Term: number
  readonly Peers: string
  readonly Configuration: {
    readonly Servers: readonly {
      readonly Suffrage: number
      readonly ID: string
      readonly Address: string
    }[]
  }
  readonly ConfigurationIndex: number
  readonly Size: number
}

/** The state, readable as often as wanted: its size must be known before its first byte goes out. */
export type StateSource = () => AsyncIterable<Uint8Array>

const block = 512

export async function writeArchive(
  meta: Omit<ArchiveMeta, 'Size'>,
  state: StateSource,
): Promise<AsyncIterable<Uint8Array>> {
  const sum = createHash('sha256')
  let Size = 0
  for await (const chunk of state()) {
    sum.update(chunk)
    Size += chunk.length
  }
  const metaJson = Buffer.from(JSON.stringify({ ...meta, Size }))
  const metaSum = createHash('sha256').update(metaJson).digest('hex')
  const sums = Buffer.from(`${metaSum}  meta.json\n${sum.digest('hex')}  state.bin\n`)
  async function* tar(): AsyncIterable<Uint8Array> {
    yield* file('meta.json', metaJson)
    yield header('state.bin', Size)
    yield* state()
    yield tarPadding(Size)
    yield* file('SHA256SUMS', sums)
    yield tarEnd()
  }
  return pipeline(Readable.from(tar()), createGzip(), () => undefined)
}

export interface OpenedArchive {
  readonly meta: ArchiveMeta
  readonly state: Uint8Array
}

/** The whole archive, checked. Rejects with a PraetorError in Consul's words. */
export async function readArchive(archive: AsyncIterable<Uint8Array>): Promise<OpenedArchive> {
  const tar = await gunzip(archive)
  const files = new Map(entries(tar))
  const meta = files.get('meta.json')
  const state = files.get('state.bin')
  const sums = files.get('SHA256SUMS')
  if (meta === undefined || state === undefined || sums === undefined)
    throw unreadable(`failed to read snapshot file: the archive lacks ${missing(files)}`)
  for (const [, digest, name = ''] of sums
    .toString('utf8')
    .matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)) {
    const content = files.get(name)
    const actual = createHash('sha256')
      .update(content ?? '')
      .digest('hex')
    if (content === undefined || actual !== digest)
      throw unreadable(
        `failed to read snapshot file: failed checking integrity of snapshot: hash check failed for ${JSON.stringify(name)}`,
      )
  }
  return { meta: JSON.parse(meta.toString('utf8')) as ArchiveMeta, state }
}

async function gunzip(archive: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = []
  const unzip = createGunzip()
  try {
    for await (const chunk of pipeline(Readable.from(archive), unzip, () => undefined))
      chunks.push(chunk as Buffer)
  } catch (error) {
    throw unreadable(`failed to decompress snapshot: ${inGoWords(error, unzip.bytesWritten)}`)
  }
  return Buffer.concat(chunks)
}

function inGoWords(error: unknown, sizeBytes: number): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'Z_DATA_ERROR':
      return 'gzip: invalid header'
    case 'Z_BUF_ERROR':
      return sizeBytes === 0 ? 'EOF' : 'unexpected EOF'
    default:
      return describeError(error)
  }
}

function* entries(tar: Buffer): Iterable<[string, Buffer]> {
  for (let at = 0; at + block <= tar.length;) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '')
    if (name === '') return
    const sizeBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8)
    const start = at + block
    if (!Number.isSafeInteger(sizeBytes) || start + sizeBytes > tar.length)
      throw unreadable('failed to read snapshot file: failed reading snapshot: unexpected EOF')
    yield [name, tar.subarray(start, start + sizeBytes)]
    at = start + sizeBytes + tarPadding(sizeBytes).length
  }
}

function* file(name: string, content: Uint8Array): Iterable<Uint8Array> {
  yield header(name, content.length)
  yield content
  yield tarPadding(content.length)
}

/** All there is to know is in it, secrets too. */
function header(name: string, sizeBytes: number): Uint8Array {
  return tarHeader({ name, sizeBytes, mode: 0o600 })
}

function missing(files: ReadonlyMap<string, unknown>): string {
  return ['meta.json', 'state.bin', 'SHA256SUMS'].filter((name) => !files.has(name)).join(', ')
}

function unreadable(text: string): PraetorError {
  return new PraetorError('failed', text)
}
