import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

import { quote } from '../../server/filter/literal.ts'
import { http } from '../../server/runtime/node-http.ts'
import { Tail } from '../command/tail.ts'
import { CheckFault } from './kind.ts'

export interface WebQuestion {
  /** What the Host header says, unless there is one. */
  readonly host: string
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
  const { signal, method, outputMaxBytes } = question
  // As Go's client: what was packed without the check's asking for it is unpacked.
  const packs = !hasHeader(question.headers, 'accept-encoding') && method !== 'HEAD'
  const onAbort = (): void => void socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const asked = ask(socket, question, packs)
    const answer = await answerOf(asked)
    const { statusCode: status = 0, statusMessage: reason = '', headers } = answer
    const body = new Tail(outputMaxBytes)
    await readInto(
      body,
      packs && headers['content-encoding'] === 'gzip' ? unpacked(answer) : answer,
    )
    return { status, reason, location: headers.location || undefined, body }
  } catch (error) {
    throw new CheckFault(describe(error, signal))
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

/** No connection is kept, as the answerer is told: one that still works must not hide that new ones are refused. */
function ask(socket: Socket, question: WebQuestion, packs: boolean): ClientRequest {
  const { host, method, path, headers, body } = question
  const asked = http.request({ createConnection: () => socket, method, path, maxHeaderSize })
  // Node would spell it in capitals.
  asked.method = method
  asked.setHeader('Host', host)
  if (packs) asked.setHeader('Accept-Encoding', 'gzip')
  for (const [name, values] of Object.entries(headers))
    if (!framing.test(name)) asked.setHeader(name, values.length === 1 ? (values[0] ?? '') : values)
  if (body !== '') asked.setHeader('Content-Length', Buffer.byteLength(body))
  asked.end(body)
  return asked
}

/** As much as Go's client reads of an answer's head. */
const maxHeaderSize = 10 * 1024 * 1024
/** How long the question is, is not for the check to say. */
const framing = /^(content-length|transfer-encoding|trailer)$/i

export function hasHeader(headers: WebQuestion['headers'], wanted: string): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === wanted)
}

function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve)
    // What comes after the answer began is told by the answer.
    asked.on('error', reject)
  })
}

function unpacked(body: Readable): Readable {
  const unpacking = createGunzip()
  // A pipe ends with its source, and does not break off with it.
  body.once('error', (error) => unpacking.destroy(error))
  return body.pipe(unpacking)
}

/** Until it ends or breaks off: what came counts. */
function readInto(tail: Tail, body: Readable): Promise<void> {
  return new Promise((resolve) => {
    body.on('data', (chunk: Uint8Array) => tail.write(chunk))
    body.on('error', () => undefined)
    body.once('end', resolve).once('close', resolve)
  })
}

function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted)
    return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
  const { code = '', message, rawPacket } = error as NodeJS.ErrnoException & { rawPacket?: Buffer }
  if (code.startsWith('HPE_')) return describeFirstLine(rawPacket?.toString() ?? '')
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'EOF' : message
}

function describeFirstLine(text: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  const [, status] = line.split(' ', 2)
  const what =
    status === undefined
      ? `malformed HTTP response ${quote(line)}`
      : `malformed HTTP status code ${quote(status)}`
  return `net/http: HTTP/1.x transport connection broken: ${what}`
}
