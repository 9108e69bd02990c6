/**
 * Virtual time in whole microseconds, and what happens when: a heap of (time, order, member, load). What happens at the same time
 * happens in the order in which it was arranged.
 *
 * Millions of events a run: they are numbers in arrays, not objects. A load of 0 or more is a place in somebody else's table (a
 * packet), `wake` is a member's own clock, and the rare rest are functions.
 */
export class Timeline {
  nowUs = 0
  /** What `next` found. */
  member = 0
  load = 0
  /** Events so far. */
  events = 0
  #times = new Float64Array(1024)
  #orders = new Float64Array(1024)
  #members = new Int32Array(1024)
  #loads = new Int32Array(1024)
  #size = 0
  #order = 0
  readonly #works: ((() => void) | null)[] = []
  readonly #freeWorks: number[] = []

  /** Never in the past: what is late happens now. */
  push(atUs: number, member: number, load: number): void {
    if (this.#size === this.#times.length) this.#grow()
    this.#order += 1
    const timeUs = Math.max(atUs, this.nowUs)
    this.#place(this.#rise(this.#size, timeUs), timeUs, this.#order, member, load)
    this.#size += 1
  }

  do(atUs: number, work: () => void): void {
    const place = this.#freeWorks.pop() ?? this.#works.length
    this.#works[place] = work
    this.push(atUs, place, workLoad)
  }

  /**
   * Moves on to the next event that is for a member, running the functions before it; false where there is none before that
   * time, which it is then.
   */
  next(untilUs: number): boolean {
    while (this.#size > 0 && (this.#times[0] as number) <= untilUs) {
      this.nowUs = this.#times[0] as number
      this.member = this.#members[0] as number
      this.load = this.#loads[0] as number
      this.#removeFirst()
      this.events += 1
      if (this.load !== workLoad) return true
      const work = this.#works[this.member]
      this.#works[this.member] = null
      this.#freeWorks.push(this.member)
      work?.()
    }
    this.nowUs = Math.max(this.nowUs, untilUs)
    return false
  }

  /** Four children a node: fewer levels, and they are neighbours in memory. */
  #rise(from: number, timeUs: number): number {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 2
      // A newcomer has the highest order, so it stays below its equals.
      if ((this.#times[parent] as number) <= timeUs) break
      this.#copy(parent, at)
      at = parent
    }
    return at
  }

  #removeFirst(): void {
    this.#size -= 1
    const size = this.#size
    if (size === 0) return
    const timeUs = this.#times[size] as number
    const order = this.#orders[size] as number
    let at = 0
    for (;;) {
      const first = 4 * at + 1
      if (first >= size) break
      let least = first
      const end = Math.min(first + 4, size)
      for (let child = first + 1; child < end; child += 1)
        if (this.#isBefore(child, this.#times[least] as number, this.#orders[least] as number))
          least = child
      if (!this.#isBefore(least, timeUs, order)) break
      this.#copy(least, at)
      at = least
    }
    this.#copy(size, at)
  }

  #isBefore(at: number, timeUs: number, order: number): boolean {
    const other = this.#times[at] as number
    return other < timeUs || (other === timeUs && (this.#orders[at] as number) < order)
  }

  #copy(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number
    this.#orders[to] = this.#orders[from] as number
    this.#members[to] = this.#members[from] as number
    this.#loads[to] = this.#loads[from] as number
  }

  #place(at: number, timeUs: number, order: number, member: number, load: number): void {
    this.#times[at] = timeUs
    this.#orders[at] = order
    this.#members[at] = member
    this.#loads[at] = load
  }

  #grow(): void {
    const size = this.#times.length * 2
    const [times, orders] = [new Float64Array(size), new Float64Array(size)]
    const [members, loads] = [new Int32Array(size), new Int32Array(size)]
    times.set(this.#times)
    orders.set(this.#orders)
    members.set(this.#members)
    loads.set(this.#loads)
    this.#times = times
    this.#orders = orders
    this.#members = members
    this.#loads = loads
  }
}

export const wakeLoad = -1
const workLoad = -2
