import { randomBytes, randomUUID } from 'node:crypto'

/** Chance as the program may see it: given, never taken, so that a seed replays a run. */
export interface Chance {
  /** Uniform in [0, 1). */
  fraction(): number
  uuid(): string
  bytes(sizeBytes: number): Uint8Array
}

export const systemChance: Chance = {
  fraction: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (sizeBytes) => new Uint8Array(randomBytes(sizeBytes)),
}

/**
 * sfc32 (Doty-Humphrey, PractRand): small, quick, and the same on every machine. Not for secrets: for simulations, property
 * tests, and nothing else.
 */
export function seededChance(seed: number): Chance {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 15; round += 1) next()
  const bytes = (sizeBytes: number): Uint8Array =>
    Uint8Array.from({ length: sizeBytes }, () => next() & 0xff)
  return {
    fraction: () => next() / 2 ** 32,
    bytes,
    uuid: () => formatUuid(bytes(16)),
  }
}

/** Sixteen bytes as an RFC 9562 version 4 UUID. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** A copy in random order (Fisher–Yates). */
export function shuffled<T>(items: readonly T[], chance: Chance): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last -= 1) {
    const pick = Math.floor(chance.fraction() * (last + 1))
    const held = result[last] as T
    result[last] = result[pick] as T
    result[pick] = held
  }
  return result
}
