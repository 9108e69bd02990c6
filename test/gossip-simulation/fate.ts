/**
 * Chance as a property of the world: what a link does at a moment is drawn from the seed, the link and the moment, and from nothing
 * else. It does not matter how many draws were made before, nor by whom.
 *
 * So two protocols in the same seed live through the same weather (common random numbers), however differently they use it, and
 * no link has a state to keep.
 */
export function fate(seed: number, from: number, to: number, atUs: number, salt: number): number {
  let hash = Math.imul(seed ^ salt, 0x9e3779b1)
  hash = mix(hash ^ from)
  hash = mix(hash ^ to)
  hash = mix(hash ^ ((atUs % 2 ** 32) | 0))
  hash = mix(hash ^ Math.floor(atUs / 2 ** 32))
  return (hash >>> 0) / 2 ** 32
}

/** The finaliser of MurmurHash3: every bit of the argument changes every bit of the result with a chance of about a half. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) + 0x6d2b79f5
}
