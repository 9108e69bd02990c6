import { Refused } from './refusal.ts'

/**
 * LZW (Welch, "A Technique for High-Performance Data Compression", IEEE Computer 1984) as Go's compress/lzw has it in the order of
 * GIF: eight-bit literals, codes of 9 to 12 bits filled in from the low end, a clear code before the first, a table that is cleared
 * when it is full.
 */
const clearCode = 256
const endCode = 257
const widthMin = 9
const widthMax = 12
const codesMax = 1 << widthMax

/** What was compressed. Throws Refused; makes no more than `sizeMaxBytes` whatever the bytes say. */
export function decompress(input: Uint8Array, sizeMaxBytes: number): Buffer {
  // What a code stands for has stood in the output before: where, and how long. No strings are built.
  const starts = new Uint32Array(codesMax)
  const lengths = new Uint16Array(codesMax)
  let output = Buffer.allocUnsafe(Math.min(sizeMaxBytes, 64 + 4 * input.length))
  let length = 0

  let [width, newest] = [widthMin, endCode]
  /** The string before this one, which with this one's first byte is the newest code; none behind a clear and in a full table. */
  let [lastStart, lastLength] = [0, 0]
  let [bits, bitsHeld, at] = [0, 0, 0]
  for (;;) {
    while (bitsHeld < width) {
      const byte = input[at]
      if (byte === undefined) throw new Refused('compressionTruncated')
      bits |= byte << bitsHeld
      bitsHeld += 8
      at += 1
    }
    const code = bits & ((1 << width) - 1)
    bits >>>= width
    bitsHeld -= width

    if (code === endCode) return output.subarray(0, length)
    if (code === clearCode) {
      ;[width, newest, lastLength] = [widthMin, endCode, 0]
      continue
    }
    if (code > newest) throw new Refused('compressionMalformed')
    if (lastLength > 0) {
      starts[newest] = lastStart
      lengths[newest] = lastLength + 1
    }
    const size = code < clearCode ? 1 : (lengths[code] ?? 0)
    if (length + size > output.length) {
      if (length + size > sizeMaxBytes) throw new Refused('decompressedTooLarge')
      const larger = Buffer.allocUnsafe(Math.min(sizeMaxBytes, 2 * (length + size)))
      output.copy(larger, 0, 0, length)
      output = larger
    }
    if (code < clearCode) output[length] = code
    else {
      // Byte by byte, for the newest code ends in the byte that it begins with, just written.
      const start = starts[code] ?? 0
      for (let index = 0; index < size; index += 1)
        output[length + index] = output[start + index] ?? 0
    }
    ;[lastStart, lastLength] = [length, size]
    length += size

    if (newest + 1 < 1 << width) newest += 1
    else if (width < widthMax) [newest, width] = [newest + 1, width + 1]
    else lastLength = 0
  }
}

/** As Go's writer would, byte for byte. */
export function compress(input: Uint8Array): Buffer {
  const output = new CodeWriter(input.length)
  const table = new CodeTable()
  let [width, newest, overflow] = [widthMin, endCode, 1 << widthMin]
  output.write(clearCode, width)

  /** Counts the code that was just written; true where the table was full and begins anew. */
  const advance = (): boolean => {
    newest += 1
    if (newest === overflow) [width, overflow] = [width + 1, overflow << 1]
    if (newest < codesMax - 1) return false
    output.write(clearCode, width)
    ;[width, newest, overflow] = [widthMin, endCode, 1 << widthMin]
    table.clear()
    return true
  }

  let code = -1
  for (const byte of input) {
    if (code < 0) {
      code = byte
      continue
    }
    const longer = table.find(code, byte)
    if (longer >= 0) {
      code = longer
      continue
    }
    output.write(code, width)
    if (!advance()) table.put(code, byte, newest)
    code = byte
  }
  if (code >= 0) {
    output.write(code, width)
    advance()
  }
  output.write(endCode, width)
  return output.finish()
}

class CodeWriter {
  #bytes: Buffer
  #length = 0
  #bits = 0
  #bitsHeld = 0

  constructor(inputBytes: number) {
    // A code is at most 12 bits for a byte, and one in 3837 of them clears.
    this.#bytes = Buffer.allocUnsafe(16 + Math.ceil(inputBytes * 1.51))
  }

  write(code: number, width: number): void {
    this.#bits |= code << this.#bitsHeld
    this.#bitsHeld += width
    while (this.#bitsHeld >= 8) {
      this.#bytes[this.#length] = this.#bits & 0xff
      this.#length += 1
      this.#bits >>>= 8
      this.#bitsHeld -= 8
    }
  }

  finish(): Buffer {
    if (this.#bitsHeld > 0) {
      this.#bytes[this.#length] = this.#bits
      this.#length += 1
    }
    return this.#bytes.subarray(0, this.#length)
  }
}

/** Code and next byte to code: open addressing, a quarter full at most. */
class CodeTable {
  readonly #keys = new Uint32Array(4 * codesMax)
  readonly #codes = new Uint16Array(4 * codesMax)

  find(code: number, byte: number): number {
    const slot = this.#slot(code, byte)
    return this.#keys[slot] === 0 ? -1 : (this.#codes[slot] ?? 0)
  }

  put(code: number, byte: number, value: number): void {
    const slot = this.#slot(code, byte)
    this.#keys[slot] = keyOf(code, byte)
    this.#codes[slot] = value
  }

  clear(): void {
    this.#keys.fill(0)
  }

  /** Where the key is, or would be. */
  #slot(code: number, byte: number): number {
    const key = keyOf(code, byte)
    const mask = this.#keys.length - 1
    let slot = ((key >>> 12) ^ key) & mask
    while (this.#keys[slot] !== key && this.#keys[slot] !== 0) slot = (slot + 1) & mask
    return slot
  }
}

/** Never 0, which marks a free slot. */
function keyOf(code: number, byte: number): number {
  return ((code << 8) | byte) + 1
}
