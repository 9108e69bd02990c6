import type { Socket } from 'node:net'

import { describeError, PraetorError } from '../model/errors.ts'
import type { QueryMeta } from '../model/query.ts'
import { decodeMsgpackPrefix, encodeMsgpack } from '../wire/msgpack.ts'
import { MalformedMessage, MessageExtent } from './message-extent.ts'
import { fieldsOf, flag, integer, text } from './shape.ts'
import { metaFields, metaOf } from './wire-methods/query.ts'

/**
 * A connection for one snapshot, Consul's way: the asking side says what it wants in one msgpack value, sends the archive where
 * there is one to restore, and closes its half; the answer is one value too, and behind it the archive, up to the end.
 */
export interface SnapshotRequest {
  readonly datacenter: string
  readonly token: string
  readonly stale: boolean
  /** The server asked is taken for the leader: it is to answer itself or say that it doesn't lead, and not to ask further. */
  readonly forwarded?: boolean
  /** What to restore; absent: a snapshot is asked for. */
  readonly archive?: AsyncIterable<Uint8Array>
}

export interface SavedSnapshot {
  readonly index: number
  readonly lastContactMs: number
  readonly knownLeader: boolean
  readonly archive: AsyncIterable<Uint8Array>
}

/** Who takes and restores snapshots. */
export interface Snapshots {
  save(options: SnapshotOptions): Promise<SavedSnapshot>
  restore(archive: AsyncIterable<Uint8Array>, options?: SnapshotOptions): Promise<void>
}

export interface SnapshotOptions {
  /** From whichever server is asked. */
  readonly stale?: boolean
  /** Not to be asked of another server: another has asked. */
  readonly forwarded?: boolean
  readonly token?: string
}

const operation = { save: 0, restore: 1 } as const
/** A connection on which nothing moved for so long is given up. */
const idleMs = 60_000
const valueMaxBytes = 64 * 1024
const valuesMax = 1_000

/** Asks on a connection that was opened for it. Rejects with a PraetorError; the connection ends with the archive. */
export async function askForSnapshot(
  socket: Socket,
  { datacenter, token, stale, forwarded, archive }: SnapshotRequest,
): Promise<SavedSnapshot> {
  bound(socket)
  const Op = archive === undefined ? operation.save : operation.restore
  const marks = forwarded === true ? { PraetorForwarded: true } : {}
  const request = { Datacenter: datacenter, Token: token, AllowStale: stale, Op, ...marks }
  // Whoever refuses an archive says so before it has all of it.
  const answering = readValue(socket)
  answering.catch(() => undefined)
  try {
    socket.write(encodeMsgpack(request, oldSpec))
    if (archive !== undefined) await Promise.race([writeAll(socket, archive), answering])
    socket.end()
    const answer = fieldsOf(await answering)
    const refusal = text.fromWire(answer['Error'])
    if (refusal !== '') throw new PraetorError('failed', refusal)
    const { index, knownLeader, lastContactMs } = metaOf(answer)
    return { index, knownLeader, lastContactMs, archive: restOf(socket) }
  } catch (error) {
    socket.destroy()
    throw error instanceof PraetorError
      ? error
      : new PraetorError('failed', `failed to decode response: ${describeError(error)}`)
  }
}

/** Answers a connection that asks for a snapshot, or brings one. Never rejects: what goes wrong is told to the other side. */
export async function answerSnapshot(socket: Socket, snapshots: Snapshots): Promise<void> {
  bound(socket)
  try {
    const request = fieldsOf(await readValue(socket))
    const options = {
      stale: flag.fromWire(request['AllowStale']),
      forwarded: request['PraetorForwarded'] === true,
      token: text.fromWire(request['Token']),
    }
    const Op = integer.fromWire(request['Op'])
    if (Op === operation.restore) {
      await snapshots.restore(restOf(socket), options)
      tell(socket, { Error: '', ...metaFields(noMeta) })
    } else if (Op === operation.save) {
      const { archive, ...meta } = await snapshots.save(options)
      tell(socket, { Error: '', ...metaFields({ ...noMeta, ...meta }) })
      await writeAll(socket, archive)
    } else throw new PraetorError('failed', `unrecognized snapshot op '${Op}'`)
    socket.end()
  } catch (error) {
    if (socket.destroyed) return
    tell(socket, { Error: describeError(error) || 'unknown error', ...metaFields(noMeta) })
    // What is still on its way here must be read, or its sender would not hear why it is not wanted.
    socket.end()
    socket.resume()
  }
}

function tell(socket: Socket, fields: object): void {
  socket.write(encodeMsgpack(fields, oldSpec))
}

function bound(socket: Socket): void {
  socket.setTimeout(idleMs, () => socket.destroy(new Error('i/o timeout')))
}

async function writeAll(socket: Socket, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (socket.destroyed) throw new Error('the other side went away')
    if (!socket.write(chunk)) await drained(socket)
  }
}

/** Resolves also when the connection ends: whoever writes on sees it then. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

function restOf(socket: Socket): AsyncIterable<Uint8Array> {
  return socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
}

/** The one value that the stream begins with; what follows it stays in the stream. */
function readValue(socket: Socket): Promise<unknown> {
  const extent = new MessageExtent(1)
  const parts: Buffer[] = []
  let sizeBytes = 0
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      socket.off('readable', read)
      socket.off('error', fail)
      socket.off('end', end)
      socket.off('close', end)
      settle()
    }
    const fail = (error: Error): void => finish(() => reject(error))
    const end = (): void => fail(new Error('EOF'))
    const read = (): void => {
      try {
        for (;;) {
          const chunk = socket.read() as Buffer | null
          if (chunk === null) return
          const endsAt = extent.scan(chunk, 0, valuesMax)
          parts.push(chunk.subarray(0, endsAt))
          sizeBytes += chunk.length
          if (endsAt === undefined && sizeBytes > valueMaxBytes)
            throw new MalformedMessage(`a message of more than ${valueMaxBytes} bytes`)
          if (endsAt === undefined) continue
          const { value } = decodeMsgpackPrefix(Buffer.concat(parts), 0, { exactRaw: true })
          finish(() => resolve(value))
          if (endsAt < chunk.length) socket.unshift(chunk.subarray(endsAt))
          return
        }
      } catch (error) {
        fail(error as Error)
      }
    }
    socket.on('readable', read)
    socket.on('error', fail)
    socket.on('end', end)
    socket.on('close', end)
    read()
  })
}

const noMeta: QueryMeta = { index: 0, lastContactMs: 0, knownLeader: true, consistency: 'default' }
const oldSpec = { oldSpec: true } as const
