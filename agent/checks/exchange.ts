import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

import { Client, errors } from 'undici'

import { quote } from '../../server/filter/literal.ts'
import { CheckFault } from './kind.ts'
import { Tail } from './tail.ts'

export interface WebQuestion {
  /** `http://host:port`: what the Host header says, unless there is one. */
  readonly origin: string
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** `''` for none. */
  readonly body: string
  readonly outputMaxBytes: number
  readonly signal: AbortSignal
}

export interface WebAnswer {
  readonly status: number
  /** As the server spelled it. */
  readonly reason: string
  readonly location: string | undefined
  readonly body: Tail
}

/**
 * Asks once over a connection of its own and reads all of the answer, as far as it goes: a body that breaks off, or goes on until
 * the time is over, was an answer still. Rejects with a CheckFault in the words of Go's client where there was none.
 */
export async function exchange(socket: Socket, question: WebQuestion): Promise<WebAnswer> {
  const { origin, method, path, body, signal, outputMaxBytes } = question
  const client = new Client(origin, {
    // No connection is kept: one that still works must not hide that new ones are refused.
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    // Not before the client has left its own `connect`.
    connect: (_options, callback) => process.nextTick(callback, null, socket),
  })
  // As Go's client: what was packed without the check's asking for it is unpacked.
  const packs = !hasHeader(question.headers, 'accept-encoding') && method !== 'HEAD'
  try {
    const answer = await client.request({
      method,
      path,
      headers: {
        ...Object.fromEntries(
          Object.entries(question.headers).map(([name, values]) => [
            name,
            values.length === 1 ? (values[0] ?? '') : [...values],
          ]),
        ),
        ...(packs ? { 'Accept-Encoding': ['gzip'] } : {}),
      },
      ...(body === '' ? {} : { body }),
      signal,
    })
    const tail = new Tail(outputMaxBytes)
    const isPacked = packs && answer.headers['content-encoding'] === 'gzip'
    await readInto(tail, isPacked ? unpacked(answer.body) : answer.body)
    const { location } = answer.headers
    return {
      status: answer.statusCode,
      reason: answer.statusText,
      location: typeof location === 'string' && location !== '' ? location : undefined,
      body: tail,
    }
  } catch (error) {
    throw new CheckFault(describe(error, signal))
  } finally {
    await client.destroy()
    socket.destroy()
  }
}

export function hasHeader(headers: WebQuestion['headers'], wanted: string): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === wanted)
}

function unpacked(body: Readable): Readable {
  const unpacking = createGunzip()
  // A pipe ends with its source, and does not break off with it.
  body.once('error', (error) => unpacking.destroy(error))
  return body.pipe(unpacking)
}

async function readInto(tail: Tail, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of body) tail.write(chunk)
  } catch {
    // What came counts.
  }
}

function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted)
    return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
  if (error instanceof errors.HTTPParserError) return describeFirstLine(error)
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') return 'EOF'
  return message
}

/** The parser keeps what it could not read. */
function describeFirstLine(error: object): string {
  const data = 'data' in error ? String(error.data) : ''
  const line = data.split(/\r?\n/, 1)[0] ?? ''
  const [, status] = line.split(' ', 2)
  const what =
    status === undefined
      ? `malformed HTTP response ${quote(line)}`
      : `malformed HTTP status code ${quote(status)}`
  return `net/http: HTTP/1.x transport connection broken: ${what}`
}
