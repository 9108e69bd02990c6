import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

import { PlainRequest, PlainResponse } from './exchange.ts'
import { readPlain, type Repeated } from './head.ts'

export interface PlainOptions {
  readonly handle: RequestListener
  /** The time as HTTP writes it. */
  readonly date: () => string
  /** Whether requests or answers there are streams, which are not for us. */
  readonly isStreamed: (url: string) => boolean
  /** Takes the connection over for the rest of its life; everything unread can be read from it. */
  readonly handOver: () => void
  readonly idleTimeoutMs: number
}

/** Serves a connection until it ends or must be handed over. */
export function servePlain(socket: Socket, options: PlainOptions): void {
  new PlainConnection(socket, options).begin()
}

/**
 * A connection for as long as only plain requests come over it, which with most clients is always. They are answered one after
 * the other. The first that is anything else goes to node:http, and the connection with it.
 */
class PlainConnection {
  readonly #socket: Socket
  readonly #options: PlainOptions
  readonly #repeated: Repeated = { lines: '', headers: {}, bodyBytes: 0 }
  /** The one that is being answered. */
  #request: PlainRequest | null = null
  /** What came behind it. */
  #behind: Buffer | null = null
  #isServing = false

  constructor(socket: Socket, options: PlainOptions) {
    this.#socket = socket
    this.#options = options
  }

  begin(): void {
    this.#socket.setTimeout(this.#options.idleTimeoutMs)
    this.#listen('on')
  }

  readonly #take = (bytes: Buffer): void => {
    const behind = this.#behind === null ? bytes : Buffer.concat([this.#behind, bytes])
    this.#behind = behind
    if (this.#isWaiting) {
      if (behind.length > behindBytesMax) this.#socket.pause()
    } else this.#serve()
  }

  /** Answers what has come, until one answer takes time, or its client is slow to take it. */
  readonly #serve = (): void => {
    if (this.#isServing) return
    this.#isServing = true
    while (this.#behind !== null && !this.#isWaiting) this.#serveNext(this.#behind)
    this.#isServing = false
    if (this.#socket.isPaused() && !this.#isWaiting) this.#socket.resume()
  }

  #serveNext(bytes: Buffer): void {
    const { date, handle, isStreamed } = this.#options
    const head = readPlain(bytes, this.#repeated)
    if (head === undefined || isStreamed(head.url)) return this.#handOver(bytes)
    const { bodyEnd, bodyStart } = head
    this.#behind = bodyEnd === bytes.length ? null : bytes.subarray(bodyEnd)
    // A copy, because what arrived may be kept for as long as a value is, and lies in a larger piece of memory.
    const body = bodyStart === bodyEnd ? noBody : Buffer.from(bytes.subarray(bodyStart, bodyEnd))
    const request = new PlainRequest(head, body, this.#socket)
    this.#request = request
    const response = new PlainResponse(request, date, (closes) => {
      this.#request = null
      if (closes) this.#end()
      else if (this.#behind !== null) this.#serve()
    })
    handle(request.asMessage, response.asResponse)
  }

  /** Nothing more is answered before this is over. */
  get #isWaiting(): boolean {
    return this.#request !== null || this.#socket.writableNeedDrain || this.#socket.writableEnded
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    this.#behind = null
    this.#listen('off')
    socket.setTimeout(0)
    socket.pause()
    socket.unshift(bytes)
    this.#options.handOver()
    socket.resume()
  }

  /** As node:http, we do not answer a client that closed its side: nearly always it has gone. */
  readonly #end = (): void => {
    this.#behind = null
    this.#socket.end()
    this.#leave()
  }

  readonly #leave = (): void => {
    this.#request?.left()
    this.#request = null
  }

  readonly #fail = (): void => {
    this.#socket.destroy()
  }

  /** A request may take longer: what is being answered is not idle. */
  readonly #idle = (): void => {
    if (this.#request === null) this.#socket.destroy()
  }

  #listen(how: 'on' | 'off'): void {
    const socket = this.#socket
    socket[how]('data', this.#take)
    socket[how]('drain', this.#serve)
    socket[how]('end', this.#end)
    socket[how]('close', this.#leave)
    socket[how]('error', this.#fail)
    socket[how]('timeout', this.#idle)
  }
}

const noBody = Buffer.alloc(0)
/** Requests of a client that does not wait for answers; beyond, it is not read from. */
const behindBytesMax = 256 << 10
