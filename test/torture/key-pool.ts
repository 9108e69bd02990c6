import type { Chance } from '../../server/runtime/chance.ts'

/** So many writes without an answer, and a key's place is taken by another: judging it is exponential in their number. */
const openMax = 6

/** A few keys that all clients fight for, each for a while. */
export class KeyPool {
  readonly #prefix: string
  readonly #usesMax: number
  readonly #live: { readonly key: string; uses: number; open: number }[] = []
  /** Every key there ever was. */
  readonly all: string[] = []

  constructor(prefix: string, live: number, usesMax: number) {
    this.#prefix = prefix
    this.#usesMax = usesMax
    for (let count = 0; count < live; count += 1) this.#live.push(this.#fresh())
  }

  pick(chance: Chance): string {
    const place = Math.floor(chance.fraction() * this.#live.length)
    let slot = this.#live[place] ?? this.#fresh()
    if (slot.uses >= this.#usesMax || slot.open >= openMax) this.#live[place] = slot = this.#fresh()
    slot.uses += 1
    return slot.key
  }

  isLive(key: string): boolean {
    return this.#live.some((slot) => slot.key === key)
  }

  /** A write to it was not answered. */
  noteOpen(key: string): void {
    const slot = this.#live.find((live) => live.key === key)
    if (slot !== undefined) slot.open += 1
  }

  #fresh(): { readonly key: string; uses: number; open: number } {
    const key = `${this.#prefix}/${this.all.length}`
    this.all.push(key)
    return { key, uses: 0, open: 0 }
  }
}
