import type { RaftMessage } from '../core/messages.ts'
import { messageBytes } from './codec.ts'

/**
 * Messages that a connection has no room for, within a bound. Beyond it the oldest go, since newer ones say more; chunks of
 * snapshots stay, since there is never more than one under way to a peer and waiting for a lost one takes long.
 */
export class OutboundQueue {
  readonly #bytesMax: number
  #messages: RaftMessage[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Returns how many messages were dropped to make room, this one perhaps among them. */
  push(message: RaftMessage): number {
    const sizeBytes = messageBytes(message)
    let dropped = 0
    while (this.#bytes + sizeBytes > this.#bytesMax) {
      dropped += 1
      if (!this.#dropOldest()) return dropped
    }
    this.#messages.push(message)
    this.#bytes += sizeBytes
    return dropped
  }

  /** Hands the oldest messages over for as long as there is room for more. */
  drain(hasRoom: () => boolean, take: (message: RaftMessage) => void): void {
    if (this.isEmpty) return
    let count = 0
    for (const message of this.#messages) {
      if (!hasRoom()) break
      take(message)
      this.#bytes -= messageBytes(message)
      count += 1
    }
    this.#messages = this.#messages.slice(count)
  }

  /** Returns how many there were. */
  clear(): number {
    const count = this.#messages.length
    this.#messages = []
    this.#bytes = 0
    return count
  }

  #dropOldest(): boolean {
    const position = this.#messages.findIndex(({ kind }) => kind !== 'snapshotChunk')
    const [message] = position === -1 ? [] : this.#messages.splice(position, 1)
    if (message === undefined) return false
    this.#bytes -= messageBytes(message)
    return true
  }
}
