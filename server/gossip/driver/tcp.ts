import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

import { hostPort } from '../../model/host-port.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { CallFailure, CallerId } from '../swim/events.ts'
import type { Address, StreamMessage } from '../wire/messages.ts'
import type { Protection } from '../wire/protection.ts'
import { refusals } from '../wire/refusal.ts'
import { sealStream, StreamReader } from '../wire/stream.ts'
import type { OpenedStream, StreamEnd } from '../wire/stream.ts'
import { fromSystem } from './address.ts'
import type { DropLog } from './drop-log.ts'

export interface TcpOptions {
  readonly bindAddress: string
  readonly port: number
  readonly clock: Clock
  readonly drops: DropLog
  /** Asked anew for every stream, since keys change. */
  readonly protection: () => Protection
  /** How long a stream that somebody opened to us may take from its first byte to the end of our answer. */
  readonly timeoutMs: number
  /** Somebody opened a stream and said this. Is to end in one `answer` or `hangUp`. */
  readonly onCalled: (caller: CallerId, from: Address, message: StreamMessage) => void
  /** Where to connect for an address: a fault proxy in tests, the address itself otherwise. */
  readonly dial?: (address: string) => string
}

export interface Call {
  readonly to: Address
  readonly message: StreamMessage
  readonly timeoutMs: number
  readonly onAnswer: (message: StreamMessage) => void
  readonly onFailure: (reason: CallFailure) => void
}

/** Streams that others may have open to us, as in memberlist. More are turned away at the door. */
const callersMax = 128

/** Rejects with the system's error where the port can't be had. */
export async function openTcp(options: TcpOptions): Promise<Tcp> {
  const server = createServer({ noDelay: true })
  server.maxConnections = callersMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.bindAddress, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return new Tcp(server, options)
}

/** The streams of a pool: one question each, and at most one answer. */
export class Tcp implements AsyncDisposable {
  readonly #server: Server
  readonly #options: TcpOptions
  readonly #sockets = new Set<Socket>()
  readonly #callers = new Map<CallerId, Socket>()
  #lastCaller = 0

  constructor(server: Server, options: TcpOptions) {
    this.#server = server
    this.#options = options
    server.on('connection', (socket) => this.#accept(socket))
    server.on('drop', () => options.drops.note('a stream while too many are open'))
    server.on('error', () => options.drops.note('a stream that could not be accepted'))
  }

  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  /** Says something to somebody. A question ends in one of the callbacks; of a `user` message only failure is told. */
  call({ to, message, timeoutMs, onAnswer, onFailure }: Call): void {
    const { dial = (same: string) => same } = this.#options
    const socket = connect(target(dial(hostPort(to.host, to.port))))
    const finish = this.#hold(socket, timeoutMs, (reason) => {
      if (!isTold) onFailure(reason)
      isTold = true
    })
    let isTold = false
    socket.once('connect', () => socket.write(this.#seal(message, 'opened')))
    if (message.kind === 'user') {
      socket.once('connect', () => socket.end())
      socket.once('finish', () => {
        isTold = true
      })
      return
    }
    this.#read(socket, 'opened', (answer) => {
      isTold = true
      onAnswer(answer)
      finish()
    })
  }

  answer(caller: CallerId, message: StreamMessage): void {
    const socket = this.#callers.get(caller)
    this.#callers.delete(caller)
    socket?.end(this.#seal(message, 'accepted'))
  }

  hangUp(caller: CallerId): void {
    const socket = this.#callers.get(caller)
    this.#callers.delete(caller)
    socket?.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const { timeoutMs, onCalled } = this.#options
    const from = fromSystem(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    this.#lastCaller += 1
    const caller = this.#lastCaller
    this.#hold(socket, timeoutMs, () => this.#callers.delete(caller))
    this.#read(socket, 'accepted', (message) => {
      this.#callers.set(caller, socket)
      onCalled(caller, from, message)
    })
  }

  /** Bounds the stream's life. `onEnd` is called once when it is over, with what ended it. */
  #hold(socket: Socket, timeoutMs: number, onEnd: (reason: CallFailure) => void): () => void {
    let reason: CallFailure = 'reset'
    this.#sockets.add(socket)
    const timer = this.#options.clock.after(timeoutMs, () => {
      reason = 'timeout'
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = failures[error.code ?? ''] ?? 'reset'
    })
    socket.once('close', () => {
      timer.cancel()
      this.#sockets.delete(socket)
      onEnd(reason)
    })
    return () => socket.destroy()
  }

  #read(socket: Socket, end: StreamEnd, onMessage: (message: StreamMessage) => void): void {
    const reader = new StreamReader(end, this.#options.protection())
    const take = (opened: OpenedStream | undefined): void => {
      if (opened === undefined) return
      if ('refused' in opened) {
        // Whoever looks whether a port is open says nothing.
        if (opened.refused !== 'empty') this.#options.drops.note(refusals[opened.refused])
        socket.destroy()
      } else onMessage(opened.message)
    }
    socket.on('data', (chunk: Buffer) => take(reader.push(chunk)))
    socket.once('end', () => take(reader.end()))
  }

  #seal(message: StreamMessage, end: StreamEnd): Uint8Array {
    return sealStream(message, end, this.#options.protection(), { compress: false })
  }
}

/** What the core makes of an error. Where nobody answers for the host it is as if nobody had answered at all. */
const failures: Readonly<Record<string, CallFailure>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'timeout',
  ENETUNREACH: 'timeout',
}

function target(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return {
    host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(address.slice(colon + 1)),
  }
}
