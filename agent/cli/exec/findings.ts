import { PraetorError } from '../../../server/model/errors.ts'
import { jsonOf } from '../../answer.ts'
import { ackName, exitName, jobName, outputName } from '../../exec/job.ts'
import type { ApiClient } from '../client.ts'
import { telling } from '../errno.ts'
import { findKeys, getPair, valueOf } from '../kv-client.ts'

/** What a node tells of its job. */
export type Finding = { readonly node: string } & (
  | { readonly kind: 'acknowledged' | 'heartbeat' }
  | { readonly kind: 'output'; readonly output: Buffer }
  | { readonly kind: 'exit'; readonly code: number }
)

export interface FindingsOptions {
  /** The key that all is below, with a slash at its end. */
  readonly directory: string
  readonly waitMs: number
  readonly signal: AbortSignal
  /** Told of what makes no sense, and is passed over. */
  readonly complain: (line: string) => void
}

/** What nodes tell, as it comes. Throws a PraetorError where that can't be read, and the signal's AbortError. */
export async function* findings(
  client: ApiClient,
  { directory, waitMs, signal, complain }: FindingsOptions,
): AsyncGenerator<Finding> {
  const wait = `${Math.max(1, Math.floor(waitMs))}ms`
  const seen = new Set<string>()
  for (let index = '0'; ;) {
    const query = { keys: '', wait, index: index === '0' ? undefined : index }
    const { found, index: now } = await telling(
      'Failed to read results',
      findKeys(client, directory, { query, signal }),
    )
    if (now === index) continue
    index = now
    const keys = found === undefined ? [] : (jsonOf(found) as readonly string[])
    for (const key of keys) {
      if (seen.has(key)) continue
      seen.add(key)
      try {
        const finding = await read(client, key, key.slice(directory.length), signal)
        if (finding !== undefined) yield finding
      } catch (error) {
        if (!(error instanceof PraetorError)) throw error
        complain(error.message)
      }
    }
  }
}

/** What is below the directory: a node's name, and what is told of it. */
const said = RegExp(`^(.*)/(?:(${ackName})|(${exitName})|${outputName}/.*)$`, 's')

async function read(
  client: ApiClient,
  key: string,
  name: string,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  if (name === jobName) return undefined
  const [, node, isAck, isExit] = said.exec(name) ?? []
  if (node === undefined) throw new PraetorError('failed', `Unknown key '${name}', ignoring.`)
  if (isAck !== undefined) return { node, kind: 'acknowledged' }
  const { pair } = await telling(`Failed to read key '${key}'`, getPair(client, key, { signal }))
  if (pair === undefined) throw new PraetorError('failed', `Failed to read key '${key}': <nil>`)
  const value = valueOf(pair)
  if (isExit !== undefined) return { node, kind: 'exit', code: exitCode(value.toString()) }
  return value.length === 0 ? { node, kind: 'heartbeat' } : { node, kind: 'output', output: value }
}

function exitCode(text: string): number {
  if (/^[-+]?\d+$/.test(text)) return Number(text)
  const why = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`
  throw new PraetorError('failed', `Failed to parse exit code '${text}': ${why}`)
}
