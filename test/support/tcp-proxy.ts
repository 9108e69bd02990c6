import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A way between two servers that can be broken: it passes bytes on until it is told otherwise. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #target: () => number
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #state: 'open' | 'silent' | 'closed' = 'open'

  /** To a port on loopback that is known when the first connection is made. */
  constructor(target: () => number) {
    this.#target = target
    this.#server = createServer((near) => this.#pass(near))
  }

  /** `host:port`. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Connections passed on now. */
  get connections(): number {
    return this.#pairs.size
  }

  /** Ends every connection; new ones are taken. */
  breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** Ends every connection, and new ones at once, until `open`. */
  close(): void {
    this.#state = 'closed'
    this.breakAll()
  }

  /** Takes bytes and passes nothing on, as a host that lost its power would, until `open`. */
  silence(): void {
    this.#state = 'silent'
  }

  open(): void {
    this.#state = 'open'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.close()
    await closed
  }

  #pass(near: Socket): void {
    if (this.#state === 'closed') return void near.destroy()
    const far = connect(this.#target(), '127.0.0.1')
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true)
      from.on('data', (chunk: Buffer) => {
        if (this.#state === 'open') to.write(chunk)
      })
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
        this.#pairs.delete(pair)
      })
    }
  }
}
