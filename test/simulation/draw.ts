import { must } from '../../server/model/assert.ts'
import { seededChance, type Chance } from '../../server/runtime/chance.ts'

/** What a simulation draws of chance, with the words for it. */
export interface Draw extends Chance {
  /** Uniform in [least, most). */
  between(least: number, most: number): number
  /** A whole number in [least, most]. */
  whole(least: number, most: number): number
  happens(probability: number): boolean
  /** Most are short and a few are long: waiting times, delays. */
  exponential(mean: number): number
  oneOf<T>(items: readonly T[]): T
}

/**
 * The chance of one component. Each has its own stream out of the one seed, so that a draw more in the network does not change
 * what the disks do: a seed stays much the same run while code around it changes.
 */
export function drawFor(seed: number, component: string): Draw {
  const chance = seededChance(hashText(`${seed}/${component}`))
  const fraction = (): number => chance.fraction()
  return {
    ...chance,
    between: (least, most) => least + fraction() * (most - least),
    whole: (least, most) => least + Math.floor(fraction() * (most - least + 1)),
    happens: (probability) => fraction() < probability,
    exponential: (mean) => -Math.log(1 - fraction()) * mean,
    oneOf: (items) =>
      must(items[Math.floor(fraction() * items.length)], 'something to choose from'),
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string): number {
  let hash = hashSeed
  for (let at = 0; at < text.length; at += 1) hash = mix(hash, text.charCodeAt(at))
  return hash
}

export function hashBytes(bytes: Uint8Array): number {
  let hash = hashSeed
  for (let at = 0; at < bytes.length; at += 1) hash = mix(hash, bytes[at] as number)
  return hash
}

export const hashSeed = 0x811c9dc5

export function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193) >>> 0
}
