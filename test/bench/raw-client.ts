import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Of `X-Consul-Index`; 0 where there is none. */
  readonly index: number
  readonly bytes: number
}

/**
 * A connection with one request at a time, and next to nothing around it: what measures shares its machine with what is measured. It
 * knows bodies of announced length and chunked ones, and does not look into them.
 */
export class RawClient implements Disposable {
  readonly #socket: Socket
  #parts: string[] = []
  #waiting: PromiseWithResolvers<RawAnswer> | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket
      .setNoDelay(true)
      .setEncoding('latin1')
      .on('data', (text: string) => this.#read(text))
      .on('error', (error: Error) => this.#waiting?.reject(error))
      .on('close', () => this.#waiting?.reject(new Error('the connection was closed')))
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  ask(method: string, path: string, body = ''): Promise<RawAnswer> {
    this.#waiting = Promise.withResolvers<RawAnswer>()
    const length = Buffer.byteLength(body)
    this.#socket.write(
      `${method} /v1${path} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${length}\r\n\r\n${body}`,
    )
    return this.#waiting.promise
  }

  [Symbol.dispose](): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#parts.push(text)
    const [first = ''] = this.#parts
    // The head is small, and comes in one piece.
    const bodyStart = first.indexOf('\r\n\r\n') + 4
    const head = first.slice(0, bodyStart)
    const bytes = this.#parts.reduce((sum, part) => sum + part.length, 0) - bodyStart
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
    const isWhole =
      length === undefined
        ? (this.#parts.at(-2) ?? '').slice(-7).concat(text).endsWith('\r\n0\r\n\r\n')
        : bytes >= Number(length)
    if (!isWhole) return
    this.#parts = []
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({
      status: Number(head.slice(9, 12)),
      index: Number(/\r\nx-consul-index: (\d+)/i.exec(head)?.[1] ?? 0),
      bytes,
    })
  }
}
