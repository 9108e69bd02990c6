/** Bytes that came and are not used up, in one piece. It holds at most four times what came, whatever was announced. */
export class ByteQueue {
  #buffer: Buffer
  #start = 0
  #end: number

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#buffer = bytes
    this.#end = bytes.length
  }

  get length(): number {
    return this.#end - this.#start
  }

  /** All of them: good until the next `push`. */
  view(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  push(chunk: Uint8Array): void {
    if (chunk.length > this.#buffer.length - this.#end) this.#makeRoom(chunk.length)
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  drop(sizeBytes: number): void {
    this.#start += sizeBytes
  }

  #makeRoom(sizeBytes: number): void {
    const length = this.length
    const needed = length + sizeBytes
    const isRoomy = needed <= this.#buffer.length / 2
    const buffer = isRoomy ? this.#buffer : Buffer.allocUnsafeSlow(2 * needed)
    this.#buffer.copy(buffer, 0, this.#start, this.#end)
    this.#buffer = buffer
    this.#start = 0
    this.#end = length
  }
}
