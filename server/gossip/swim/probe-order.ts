import type { Chance } from '../../runtime/chance.ts'

/**
 * Whom to probe next: SWIM's round-robin over a shuffled list (§4.3). Everybody is probed once a round, so that nobody waits
 * longer than two rounds; a newcomer gets a random place; each round has a new order. Also serves as the dense list of
 * live members from which others are drawn at random.
 */
export class ProbeOrder {
  #members = new Uint32Array(16)
  #size = 0
  /** Those before it have had their turn. */
  #cursor = 0
  readonly #chance: Chance

  constructor(chance: Chance) {
    this.#chance = chance
  }

  get size(): number {
    return this.#size
  }

  insert(member: number): void {
    if (this.#size === this.#members.length) {
      const larger = new Uint32Array(this.#size * 2)
      larger.set(this.#members)
      this.#members = larger
    }
    const place = Math.floor(this.#chance.fraction() * (this.#size + 1))
    this.#members[this.#size] = member
    this.#size += 1
    this.#swap(place, this.#size - 1)
  }

  remove(member: number): void {
    let place = this.#members.subarray(0, this.#size).indexOf(member)
    if (place === -1) return
    if (place < this.#cursor) {
      // The hole moves to the border first, so that nobody loses its turn.
      this.#cursor -= 1
      this.#swap(place, this.#cursor)
      place = this.#cursor
    }
    this.#swap(place, this.#size - 1)
    this.#size -= 1
  }

  has(member: number): boolean {
    return this.#members.subarray(0, this.#size).includes(member)
  }

  /** Everybody, in no order. */
  all(): readonly number[] {
    return [...this.#members.subarray(0, this.#size)]
  }

  /** Null where there is nobody. */
  next(): number | null {
    if (this.#size === 0) return null
    if (this.#cursor >= this.#size) {
      this.#cursor = 0
      for (let last = this.#size - 1; last > 0; last -= 1)
        this.#swap(last, Math.floor(this.#chance.fraction() * (last + 1)))
    }
    const member = this.#members[this.#cursor] ?? null
    this.#cursor += 1
    return member
  }

  /**
   * Up to `count` different members that pass, drawn at random. Where hardly anybody passes it may miss some: it tries three
   * times as many draws as there are members at most.
   */
  draw(count: number, passes: (member: number) => boolean): number[] {
    const drawn: number[] = []
    for (let tries = 0; tries < this.#size * 3 && drawn.length < count; tries += 1) {
      const member = this.#members[Math.floor(this.#chance.fraction() * this.#size)]
      if (member !== undefined && !drawn.includes(member) && passes(member)) drawn.push(member)
    }
    return drawn
  }

  #swap(a: number, b: number): void {
    const held = this.#members[a] ?? 0
    this.#members[a] = this.#members[b] ?? 0
    this.#members[b] = held
  }
}
