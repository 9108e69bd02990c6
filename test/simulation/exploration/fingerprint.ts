import { hash } from 'node:crypto'

/**
 * 64 bits that stand for a thing, in two numbers of 32. What stands for several is the sum, so that it does not matter in which order
 * they come. Two things with one fingerprint, of which the second would be overlooked, are to be expected among ten million with a
 * chance of 1 : 400,000 (as in TLC, the model checker).
 */
export function fingerprintOf(text: string): readonly [high: number, low: number] {
  const digest = hash('sha256', text, 'buffer')
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

/** Of several texts, one after the other. */
export function fingerprintsOf(texts: readonly string[]): Uint32Array {
  return Uint32Array.from(texts.flatMap((text) => fingerprintOf(text)))
}

const loadMax = 0.6
const slotWords = 3

/** A number for each fingerprint, 12 bytes each. */
export class FingerprintMap {
  size = 0
  /** High, low, and one more than the number; 0 where nothing is. */
  #slots = new Uint32Array(slotWords << 16)

  get(high: number, low: number): number | undefined {
    const slot = find(this.#slots, high, low)
    const held = this.#slots[slot + 2] as number
    return held === 0 ? undefined : held - 1
  }

  set(high: number, low: number, value: number): void {
    if (this.size >= loadMax * (this.#slots.length / slotWords)) this.#grow()
    if (put(this.#slots, high, low, value + 1)) this.size += 1
  }

  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length)
    for (let at = 0; at < this.#slots.length; at += slotWords) {
      const [high, low, held] = this.#slots.subarray(at, at + slotWords) as unknown as number[]
      if (held !== 0) put(slots, high as number, low as number, held as number)
    }
    this.#slots = slots
  }
}

/** Where it is, or would be. */
function find(slots: Uint32Array, high: number, low: number): number {
  const mask = slots.length / slotWords - 1
  for (let slot = (high ^ Math.imul(low, 0x9e3779b1)) & mask; ; slot = (slot + 1) & mask) {
    const at = slotWords * slot
    if (slots[at + 2] === 0 || (slots[at] === high && slots[at + 1] === low)) return at
  }
}

function put(slots: Uint32Array, high: number, low: number, held: number): boolean {
  const at = find(slots, high, low)
  const isNew = slots[at + 2] === 0
  slots[at] = high
  slots[at + 1] = low
  slots[at + 2] = held
  return isNew
}
