/** The last bytes of what was written: that is where a program says what went wrong. */
export class Tail {
  readonly #sizeMaxBytes: number
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #totalBytes = 0

  constructor(sizeMaxBytes: number) {
    this.#sizeMaxBytes = sizeMaxBytes
  }

  write(chunk: Uint8Array): void {
    this.#totalBytes += chunk.length
    this.#kept.push(chunk)
    this.#keptBytes += chunk.length
    if (this.#keptBytes >= 2 * this.#sizeMaxBytes) this.#compact()
  }

  /** The end of it. */
  text(): string {
    this.#compact()
    return Buffer.concat(this.#kept).toString('utf8')
  }

  /** The end of it, and before that how much there was, where that is more. */
  report(): string {
    const text = this.text()
    return this.#totalBytes > this.#sizeMaxBytes
      ? `Captured ${this.#sizeMaxBytes} of ${this.#totalBytes} bytes\n...\n${text}`
      : text
  }

  /** Copies, so that what was read is not held for the sake of its end. */
  #compact(): void {
    if (this.#keptBytes <= this.#sizeMaxBytes) return
    const last = Buffer.concat(this.#kept).subarray(-this.#sizeMaxBytes)
    this.#kept = [Uint8Array.from(last)]
    this.#keptBytes = last.length
  }
}
