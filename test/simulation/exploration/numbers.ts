/** A list of numbers of 32 bits, four bytes each. */
export class Numbers {
  length = 0
  #held = new Uint32Array(1 << 12)

  at(position: number): number {
    return this.#held[position] as number
  }

  set(position: number, value: number): void {
    this.#held[position] = value
  }

  push(value: number): void {
    if (this.length === this.#held.length) {
      const grown = new Uint32Array(2 * this.length)
      grown.set(this.#held)
      this.#held = grown
    }
    this.#held[this.length] = value
    this.length += 1
  }
}
