import type { LamportTime } from '../wire/serf-messages.ts'

export interface Intent {
  readonly kind: 'join' | 'leave'
  readonly time: LamportTime
  readonly heardMs: number
}

/**
 * What was said of members that are not known yet: gossip comes in any order, so a member's leave may be here before the member.
 * The newest for each name, for a while; where there are too many the oldest go first, since names that never show up may be made up.
 */
export class IntentBuffer {
  readonly #memoryMs: number
  readonly #intentsMax: number
  /** In the order that they were heard. */
  readonly #intents = new Map<string, Intent>()

  constructor(limits: { readonly memoryMs: number; readonly intentsMax: number }) {
    this.#memoryMs = limits.memoryMs
    this.#intentsMax = limits.intentsMax
  }

  /** True where it is news, and so worth passing on. */
  note(node: string, intent: Intent): boolean {
    const known = this.#intents.get(node)
    if (known !== undefined && known.time >= intent.time) return false
    this.#intents.delete(node)
    this.#intents.set(node, intent)
    if (this.#intents.size > this.#intentsMax)
      for (const [oldest] of this.#intents) {
        this.#intents.delete(oldest)
        break
      }
    return true
  }

  /** What was said of a member that is known from now on. */
  take(node: string): Intent | undefined {
    const intent = this.#intents.get(node)
    this.#intents.delete(node)
    return intent
  }

  expire(nowMs: number): void {
    for (const [node, { heardMs }] of this.#intents) {
      if (nowMs - heardMs < this.#memoryMs) return
      this.#intents.delete(node)
    }
  }

  /** When the oldest expires; Infinity where there is none. */
  dueMs(): number {
    for (const { heardMs } of this.#intents.values()) return heardMs + this.#memoryMs
    return Infinity
  }
}
