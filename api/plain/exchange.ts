import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { assert } from '../../server/model/assert.ts'
import { http } from '../../server/runtime/node-http.ts'
import type { PlainHead } from './head.ts'

/**
 * A plain request, as much of it as an `IncomingMessage` as fastify's routing and our handlers look at. Its body is there
 * already: `plugins/body.ts` takes it from here.
 */
export class PlainRequest {
  readonly method: string
  url: string
  readonly headers: Readonly<Record<string, string>>
  readonly socket: Socket
  readonly body: Buffer
  readonly httpVersionMajor = 1
  readonly httpVersionMinor = 1
  readonly complete = true
  /** The client left before it was answered. */
  aborted = false
  #leaving: (() => void)[] = []

  constructor(head: PlainHead, body: Buffer, socket: Socket) {
    this.method = head.method
    this.url = head.url
    this.headers = head.headers
    this.body = body
    this.socket = socket
  }

  /** There is one thing to hear of: that the client has left before it was answered. */
  on(event: 'close', callback: () => void): this {
    assert(event === 'close', 'a plain request has no other event')
    this.#leaving.push(callback)
    return this
  }

  removeListener(_event: 'close', callback: () => void): this {
    this.#leaving = this.#leaving.filter((each) => each !== callback)
    return this
  }

  left(): void {
    this.aborted = true
    const leaving = this.#leaving
    this.#leaving = []
    for (const callback of leaving) callback()
  }

  /** What fastify is told it gets. */
  get asMessage(): IncomingMessage {
    return this as unknown as IncomingMessage
  }
}

/** The answer to a plain request, with a body that is known as a whole: head and body leave in one write. */
export class PlainResponse {
  readonly req: PlainRequest
  readonly shouldKeepAlive = true
  statusCode = 200
  headersSent = false
  writableEnded = false
  #head = ''
  #closes = false
  readonly #date: () => string
  readonly #done: (closes: boolean) => void

  /** `done` is called when the answer was given to the socket, with whether that was to be the last one. */
  constructor(req: PlainRequest, date: () => string, done: (closes: boolean) => void) {
    this.req = req
    this.#date = date
    this.#done = done
  }

  /** The socket itself may go a little later than its client. */
  get destroyed(): boolean {
    return this.req.aborted || this.req.socket.destroyed
  }

  /** There are none but those of `writeHead`. */
  removeHeader(): void {}

  writeHead(
    status: number,
    reason: string | undefined,
    headers: readonly (string | number)[],
  ): void {
    this.statusCode = status
    this.headersSent = true
    let head = `HTTP/1.1 ${status} ${reason ?? statusCodes[status] ?? 'unknown'}\r\n`
    for (let at = 0; at < headers.length; at += 2) {
      const name = String(headers[at])
      const value = String(headers[at + 1])
      assert(!unprintable.test(value), `the header ${name} holds what no header may`)
      if (name === 'Connection') this.#closes = value === 'close'
      head += `${name}: ${value}\r\n`
    }
    this.#head = `${head}Date: ${this.#date()}\r\n\r\n`
  }

  end(body: string | Uint8Array, encoding: BufferEncoding = 'utf8'): void {
    assert(this.headersSent && !this.writableEnded, 'an answer has one head and one end')
    this.writableEnded = true
    const { socket } = this.req
    if (typeof body === 'string' && encoding === 'latin1') socket.write(this.#head + body, 'latin1')
    else {
      socket.cork()
      socket.write(this.#head, 'latin1')
      if (body.length > 0) socket.write(body, encoding)
      socket.uncork()
    }
    this.#done(this.#closes)
  }

  /** What fastify is told it gets. */
  get asResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }
}

const statusCodes = http.STATUS_CODES

/** As node:http has it: a line break would begin a header of somebody else's. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[^\t\x20-\x7e\x80-\xff]/
