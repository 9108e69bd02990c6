import { connect, type Socket } from 'node:net'

export interface Paced {
  readonly written: number
  /** Answers other than 200, and connections that were lost. */
  readonly refused: number
  readonly perSecond: number
  readonly p99Ms: number
  readonly worstMs: number
}

export interface PacedWriterOptions {
  readonly port: number
  readonly perSecond: number
  readonly clients: number
  /** The key of the nth write, without `/v1/kv/`. */
  readonly key: (count: number) => string
  readonly value: (count: number) => string
}

/**
 * Writes so many keys a second, in time with the clock whatever became of those before: each that is due is taken by a client
 * whose last one was answered. Hand-made HTTP, since the machine is shared with what is measured.
 */
export class PacedWriter {
  readonly #options: PacedWriterOptions
  readonly #idle: Client[] = []
  readonly #clients: Client[]
  readonly #tookMs: number[] = []
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #refused = 0

  constructor(options: PacedWriterOptions) {
    this.#options = options
    this.#clients = Array.from({ length: options.clients }, () => {
      const client: Client = new Client(
        options.port,
        () => this.#idle.push(client),
        (tookMs, isGood) => this.#answered(client, tookMs, isGood),
      )
      return client
    })
    this.#timer = setInterval(() => this.#send(), 1)
  }

  /** Sends no more, waits for what is under way, and says how it went. */
  async stop(): Promise<Paced> {
    clearInterval(this.#timer)
    const seconds = (performance.now() - this.#startMs) / 1000
    const deadline = performance.now() + 5_000
    while (this.#tookMs.length + this.#refused < this.#sent && performance.now() < deadline)
      await new Promise((resolve) => {
        setTimeout(resolve, 10)
      })
    for (const client of this.#clients) client.end()
    const sorted = Float64Array.from(this.#tookMs).toSorted()
    return {
      written: sorted.length,
      refused: this.#sent - sorted.length,
      perSecond: sorted.length / seconds,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
      worstMs: sorted.at(-1) ?? Number.NaN,
    }
  }

  #send(): void {
    const { key, perSecond, value } = this.#options
    const due = ((performance.now() - this.#startMs) / 1000) * perSecond
    while (this.#sent < due) {
      const client = this.#idle.pop()
      if (client === undefined) return
      client.put(key(this.#sent), value(this.#sent))
      this.#sent += 1
    }
  }

  #answered(client: Client, tookMs: number, isGood: boolean): void {
    if (isGood) this.#tookMs.push(tookMs)
    else this.#refused += 1
    this.#idle.push(client)
  }
}

/** A connection with one request at a time. */
class Client {
  readonly #socket: Socket
  readonly #answered: (tookMs: number, isGood: boolean) => void
  #sentAtMs = 0
  #received = ''

  constructor(
    port: number,
    ready: () => void,
    answered: (tookMs: number, isGood: boolean) => void,
  ) {
    this.#answered = answered
    this.#socket = connect(port, '127.0.0.1', ready)
      .setNoDelay(true)
      .setEncoding('latin1')
      .on('data', (text: string) => this.#read(text))
      // Whoever paces counts what got no answer.
      .on('error', () => {})
  }

  put(key: string, value: string): void {
    this.#sentAtMs = performance.now()
    this.#socket.write(
      `PUT /v1/kv/${key} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${value.length}\r\n\r\n${value}`,
    )
  }

  end(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < headEnd + 4 + length) return
    const isGood = head.startsWith('HTTP/1.1 200') && this.#received.endsWith('true')
    this.#received = ''
    this.#answered(performance.now() - this.#sentAtMs, isGood)
  }
}
