/** A binary heap: whatever comes before all others is found at once, and adding and removing cost the logarithm of how many there are. */
export class Heap<Item extends object> {
  #items: Item[] = []
  /** Negative where the first comes before the second. */
  readonly #compare: (a: Item, b: Item) => number

  constructor(compare: (a: Item, b: Item) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  /** In no order. */
  items(): readonly Item[] {
    return this.#items
  }

  add(item: Item): void {
    this.#items.push(item)
    this.#rise(item)
  }

  removeFirst(): Item | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.#sink(last)
    return first
  }

  /** Leaves only those that pass; how they compare may have changed. */
  rebuild(passes: (item: Item) => boolean): void {
    // A sorted array is a heap.
    this.#items = this.#items.filter(passes).toSorted(this.#compare)
  }

  /** Finds the place of who came last. */
  #rise(moving: Item): void {
    const items = this.#items
    let at = items.length - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = items[parentAt]
      if (parent === undefined || this.#compare(parent, moving) <= 0) break
      items[at] = parent
      at = parentAt
    }
    items[at] = moving
  }

  /** Finds a place for it from the top, which is free. */
  #sink(moving: Item): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let childAt = at * 2 + 1
      let child = items[childAt]
      if (child === undefined) break
      const other = items[childAt + 1]
      if (other !== undefined && this.#compare(other, child) < 0) {
        child = other
        childAt += 1
      }
      if (this.#compare(moving, child) <= 0) break
      items[at] = child
      at = childAt
    }
    items[at] = moving
  }
}
