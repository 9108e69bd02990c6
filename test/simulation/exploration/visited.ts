import { FingerprintMap } from './fingerprint.ts'
import type { Memory } from './memory.ts'
import { Numbers } from './numbers.ts'
import type { Letter, ServerState } from './server-states.ts'
import type { World, Worlds } from './world.ts'

const none = 0xffffffff

/** How one world is to another that has the same servers. Both, if they are the same. */
interface Relation {
  readonly covers: boolean
  readonly isCovered: boolean
}

const strangers: Relation = { covers: false, isCovered: false }

/** A world's letters and past, with the servers called so that worlds of the same servers can be compared. */
interface Named {
  readonly memory: Memory
  readonly letters: number
  readonly sign: Sign
}

/** A bit for each letter, of which several share one: a set of letters has all the bits of every set in it. */
interface Sign {
  readonly high: number
  readonly low: number
}

/**
 * The worlds that a search met, but for those that are covered by another: with the same servers, whatever they are called, a past that
 * asks as much and allows as much, and every letter, and perhaps more. Whatever can go wrong in a world can go wrong in one that covers
 * it, as letters may be left lying for ever.
 */
export class Visited {
  readonly #worlds: Worlds
  readonly #serverCount: number
  /** By the fingerprint of its servers: the newest world that has them. */
  readonly #heads = new FingerprintMap()
  /** By number of a world: the one before it with the same servers. */
  readonly #earlier = new Numbers()
  /** By number: where its record begins. */
  readonly #starts = new Numbers()
  /** How its servers are to be called, its sign in two words, and the numbers of its parts. */
  readonly #records = new Numbers()
  #covered = new Uint8Array(1 << 12)
  /** By number of a letter so called: the last world it was in. */
  readonly #marks: number[] = []
  #epoch = 0

  constructor(worlds: Worlds, serverCount: number) {
    this.#worlds = worlds
    this.#serverCount = serverCount
  }

  /** How many were not covered when they were met. */
  get count(): number {
    return this.#starts.length
  }

  /** How many of them differ in their servers. */
  get clusters(): number {
    return this.#heads.size
  }

  /** Whether another was met since that covers it. */
  isCovered(number: number): boolean {
    return this.#covered[number] === 1
  }

  /** Gives it a number, unless it is covered. */
  add(world: World): number | null {
    const { high, low, renamings } = leastNames(world.servers)
    const head = this.#heads.get(high, low) ?? none
    for (const renaming of renamings) if (this.#isCoveredAmong(head, world, renaming)) return null
    const number = this.#starts.length
    this.#heads.set(high, low, number)
    this.#earlier.push(head)
    this.#record(world, renamings[0] as number)
    return number
  }

  at(number: number): World {
    const { memories, states } = this.#worlds
    const first = this.#starts.at(number) + 3
    const servers: ServerState[] = []
    for (let at = 0; at < this.#serverCount; at += 1)
      servers.push(states.all[this.#records.at(first + at)] as ServerState)
    const after = first + this.#serverCount
    const letters: Letter[] = []
    const count = this.#records.at(after + 1)
    for (let at = 0; at < count; at += 1)
      letters.push(states.letters[this.#records.at(after + 2 + at)] as Letter)
    return { servers, memory: memories.all[this.#records.at(after)] as Memory, letters }
  }

  #isCoveredAmong(head: number, world: World, renaming: number): boolean {
    const own = this.#named(world, renaming)
    let later = none
    for (let number = head; number !== none; number = this.#earlier.at(number)) {
      if (this.isCovered(number)) {
        // Nobody needs to be compared with it any more; only the first is where one begins.
        if (later !== none) this.#earlier.set(later, this.#earlier.at(number))
        continue
      }
      later = number
      const { covers, isCovered } = this.#compare(this.#starts.at(number), own)
      if (covers && (isCovered || !this.#worlds.isPlain)) return true
      if (isCovered && !this.#worlds.isPlain) this.#covered[number] = 1
    }
    return false
  }

  /** Marks its letters by their names. */
  #named({ letters, memory }: World, renaming: number): Named {
    this.#epoch += 1
    for (const { names } of letters) this.#marks[names[renaming] as number] = this.#epoch
    return {
      memory: this.#worlds.memories.renamed(memory, renaming),
      letters: letters.length,
      sign: signOf(letters, renaming),
    }
  }

  /** How the world that is recorded there is to the one whose letters are marked. */
  #compare(start: number, { letters, memory, sign }: Named): Relation {
    const { memories, states } = this.#worlds
    const [high, low] = [this.#records.at(start + 1), this.#records.at(start + 2)]
    const mayHold = (sign.high & ~high) === 0 && (sign.low & ~low) === 0
    const mayBeIn = (high & ~sign.high) === 0 && (low & ~sign.low) === 0
    if (!mayHold && !mayBeIn) return strangers
    const renaming = this.#records.at(start)
    const at = start + 3 + this.#serverCount
    const other = memories.renamed(memories.all[this.#records.at(at)] as Memory, renaming)
    const asksMore = mayHold && memories.covers(other, memory)
    const asksLess = mayBeIn && memories.covers(memory, other)
    if (!asksMore && !asksLess) return strangers
    const count = this.#records.at(at + 1)
    let common = 0
    for (let letter = at + 2; letter < at + 2 + count; letter += 1) {
      const { names } = states.letters[this.#records.at(letter)] as Letter
      if (this.#marks[names[renaming] as number] === this.#epoch) common += 1
    }
    return { covers: asksMore && common === letters, isCovered: asksLess && common === count }
  }

  #record({ letters, memory, servers }: World, renaming: number): void {
    const number = this.#starts.length
    if (number === this.#covered.length) {
      const grown = new Uint8Array(2 * number)
      grown.set(this.#covered)
      this.#covered = grown
    }
    this.#starts.push(this.#records.length)
    const { high, low } = signOf(letters, renaming)
    this.#records.push(renaming)
    this.#records.push(high)
    this.#records.push(low)
    for (const server of servers) this.#records.push(server.number)
    this.#records.push(memory.number)
    this.#records.push(letters.length)
    for (const letter of letters) this.#records.push(letter.number)
  }
}

function signOf(letters: readonly Letter[], renaming: number): Sign {
  let [high, low] = [0, 0]
  for (const { names } of letters) {
    const name = names[renaming] as number
    if ((name & 32) === 0) low |= 1 << (name & 31)
    else high |= 1 << (name & 31)
  }
  return { high, low }
}

/** The least fingerprint of these servers by any names, and the renamings that make it so: several where servers are alike. */
function leastNames(servers: readonly ServerState[]): {
  readonly high: number
  readonly low: number
  readonly renamings: readonly number[]
} {
  let [leastHigh, leastLow] = [Infinity, Infinity]
  let renamings: number[] = []
  const words = servers[0]?.fingerprint.length ?? 0
  for (let at = 0; at < words; at += 2) {
    let [high, low] = [0, 0]
    for (const { fingerprint } of servers) {
      high += fingerprint[at] as number
      low += fingerprint[at + 1] as number
    }
    high >>>= 0
    low >>>= 0
    if (high > leastHigh || (high === leastHigh && low > leastLow)) continue
    if (high !== leastHigh || low !== leastLow) renamings = []
    leastHigh = high
    leastLow = low
    renamings.push(at / 2)
  }
  return { high: leastHigh, low: leastLow, renamings }
}
