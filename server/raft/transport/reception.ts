import type { Socket } from 'node:net'

import type { Clock, Timer } from '../../runtime/clock.ts'
import type { ByteReader } from './bytes.ts'
import { PeerConnection } from './connection.ts'
import { frameKinds } from './frame.ts'
import { decodeHello, encodeRefusal, encodeWelcome, type Hello } from './handshake.ts'
import { prepareStream } from './streams.ts'

export interface ReceptionOptions {
  readonly clock: Clock
  readonly bootEpoch: number
  /** Why that server is not to be let in, or undefined. */
  readonly judge: (hello: Hello) => string | undefined
  /** It was let in and told so. To be admitted by whoever takes the connection over. */
  readonly onHello: (connection: PeerConnection, hello: Hello) => void
  /** A connection ended here. `who` is an id if one was given, else the address. */
  readonly onFailure: (who: string, reason: string) => void
}

/** Where connections wait until they have said who they are, which they must do soon. */
export class Reception implements Disposable {
  readonly #options: ReceptionOptions
  /** Each with the end of its patience. */
  readonly #strangers = new Map<PeerConnection, Timer>()
  #isClosed = false

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  accept(socket: Socket): void {
    if (this.#isClosed) return void socket.destroy()
    prepareStream(socket)
    const address = String(socket.remoteAddress)
    const { clock, onFailure } = this.#options
    const connection = new PeerConnection(socket, 'accepted', clock, {
      onFrame: (kind, body) => this.#greeted(connection, address, kind, body),
      onDrain: () => {},
      onClose: (reason) => {
        this.#leave(connection)
        onFailure(address, reason)
      },
    })
    const late = clock.after(greetingMs, () => connection.close('it did not greet in time'))
    this.#strangers.set(connection, late)
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    for (const connection of this.#strangers.keys()) connection.close('this server stops')
  }

  #leave(connection: PeerConnection): void {
    this.#strangers.get(connection)?.cancel()
    this.#strangers.delete(connection)
  }

  #greeted(connection: PeerConnection, address: string, kind: number, body: ByteReader): void {
    if (kind !== frameKinds.hello) return connection.close('it did not greet')
    const hello = decodeHello(body)
    const { bootEpoch, judge, onFailure, onHello } = this.#options
    const refusal = typeof hello === 'string' ? hello : judge(hello)
    this.#leave(connection)
    if (typeof hello !== 'string' && refusal === undefined) {
      encodeWelcome(connection.writer, bootEpoch)
      return onHello(connection, hello)
    }
    encodeRefusal(connection.writer, refusal ?? '')
    connection.end()
    onFailure(typeof hello === 'string' ? address : hello.from, refusal ?? '')
  }
}

/** From the first byte to the greeting. */
const greetingMs = 3000
