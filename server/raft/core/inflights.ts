import { assert } from '../../model/assert.ts'
import type { Index } from '../types.ts'

/**
 * The appends sent to one follower and not yet answered, oldest first: a window bounded in messages and in bytes, so that a
 * slow follower costs the leader a known amount of memory and socket.
 *
 * Invariant: indexes strictly increase; `bytes` is the sum of what is held.
 */
export class Inflights {
  readonly #messagesMax: number
  readonly #bytesMax: number
  #sent: { last: Index; bytes: number }[] = []
  #bytes = 0

  constructor(limits: { readonly messagesMax: number; readonly bytesMax: number }) {
    assert(limits.messagesMax > 0 && limits.bytesMax > 0, 'an inflight window holds something')
    this.#messagesMax = limits.messagesMax
    this.#bytesMax = limits.bytesMax
  }

  get count(): number {
    return this.#sent.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The byte bound is checked before a send, so the message that reaches it may pass it. */
  full(): boolean {
    return this.#sent.length >= this.#messagesMax || this.#bytes >= this.#bytesMax
  }

  add(last: Index, bytes: number): void {
    assert(!this.full(), 'a full inflight window takes nothing')
    assert(last > (this.#sent.at(-1)?.last ?? 0), 'inflight indexes increase')
    this.#sent.push({ last, bytes })
    this.#bytes += bytes
  }

  /** Everything up to and including `match` has arrived: answers are cumulative, so a lost one costs nothing. */
  freeThrough(match: Index): void {
    let freed = 0
    for (const message of this.#sent) {
      if (message.last > match) break
      this.#bytes -= message.bytes
      freed += 1
    }
    if (freed > 0) this.#sent = this.#sent.slice(freed)
  }

  clear(): void {
    this.#sent = []
    this.#bytes = 0
  }
}
