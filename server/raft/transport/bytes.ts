/**
 * Little-endian numbers and byte strings, in and out of frames. Terms, indexes and offsets are u64 on the wire and JS numbers
 * here, so what is beyond 2^53 is refused where it comes in.
 */

/** What a peer sent is no frame of this protocol. The connection it came from is of no further use. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
}

/** Reads one frame, and nothing beyond it: every read is checked against the frame's end. */
export class ByteReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #end = 0

  /** Reads from `bytes` from now on; `limit` says where. */
  load(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    this.#end = 0
  }

  limit(start: number, end: number): void {
    this.#at = start
    this.#end = end
  }

  get leftBytes(): number {
    return this.#end - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  u64(): number {
    const at = this.#advance(8)
    const high = this.#view.getUint32(at + 4, true)
    if (high >= 1 << 21) throw new MalformedFrame('a number beyond 2^53')
    return high * 2 ** 32 + this.#view.getUint32(at, true)
  }

  /** A time in milliseconds. */
  f64(): number {
    const value = this.#view.getFloat64(this.#advance(8), true)
    if (!Number.isFinite(value)) throw new MalformedFrame('a time that is no number')
    return value
  }

  boolean(): boolean {
    const value = this.u8()
    if (value > 1) throw new MalformedFrame(`${value} for a boolean`)
    return value === 1
  }

  /** Length (u16) and UTF-8. */
  string(): string {
    const sizeBytes = this.u16()
    const at = this.#advance(sizeBytes)
    return utf8.decode(this.#bytes.subarray(at, at + sizeBytes))
  }

  /** Seen, not copied: valid only until the frame has been dealt with. */
  bytes(sizeBytes: number): Uint8Array {
    const at = this.#advance(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  /** As `bytes`, from the frame's end: what is left ends before them. */
  tail(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.#end - this.#at) throw new MalformedFrame('a frame that ends too soon')
    this.#end -= sizeBytes
    return this.#bytes.subarray(this.#end, this.#end + sizeBytes)
  }

  finish(): void {
    if (this.#at !== this.#end) throw new MalformedFrame(`${this.leftBytes} bytes too many`)
  }

  #advance(sizeBytes: number): number {
    const at = this.#at
    if (sizeBytes > this.#end - at) throw new MalformedFrame('a frame that ends too soon')
    this.#at = at + sizeBytes
    return at
  }
}

const utf8 = new TextDecoder()

/**
 * Gathers frames for one write. Small things are copied into pages, large ones passed on as they are; who gave them must not
 * change them. Pages are used again when all that was taken has been sent.
 */
export class ByteWriter {
  #page = createPage()
  /** What was not taken yet is the page's part from here … */
  #start = 0
  /** … to here, behind these. */
  #at = 0
  #pieces: Uint8Array[] = []
  #sizeBytes = 0
  /** Filled since everything was sent the last time. */
  #full: Page[] = []
  #free: Page[] = []

  /** Written and not taken. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  u8(value: number): void {
    const at = this.#advance(1)
    this.#page.view.setUint8(at, value)
  }

  u16(value: number): void {
    const at = this.#advance(2)
    this.#page.view.setUint16(at, value, true)
  }

  u32(value: number): void {
    const at = this.#advance(4)
    this.#page.view.setUint32(at, value, true)
  }

  u64(value: number): void {
    const at = this.#advance(8)
    const { view } = this.#page
    view.setUint32(at, value >>> 0, true)
    view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
  }

  f64(value: number): void {
    const at = this.#advance(8)
    this.#page.view.setFloat64(at, value, true)
  }

  string(text: string): void {
    const bytes = Buffer.from(text)
    this.u16(bytes.length)
    this.bytes(bytes)
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length > copiedBytesMax) {
      this.#cut()
      this.#pieces.push(bytes)
      this.#sizeBytes += bytes.length
      return
    }
    // The page may be exchanged for the next, so room comes first.
    const at = this.#advance(bytes.length)
    this.#page.bytes.set(bytes, at)
  }

  /** All that was written since the last time, in order. The pieces stay as they are until `reuse`. */
  take(): readonly Uint8Array[] {
    this.#cut()
    const pieces = this.#pieces
    this.#pieces = []
    this.#sizeBytes = 0
    return pieces
  }

  /** What was taken has been sent: its pages may be written over. */
  reuse(): void {
    if (this.#pieces.length > 0 || this.#at > this.#start) return
    this.#start = 0
    this.#at = 0
    if (this.#full.length === 0) return
    this.#free = [...this.#free, ...this.#full].slice(0, freePagesMax)
    this.#full = []
  }

  #advance(sizeBytes: number): number {
    if (this.#at + sizeBytes > pageBytes) this.#turn()
    const at = this.#at
    this.#at = at + sizeBytes
    this.#sizeBytes += sizeBytes
    return at
  }

  #turn(): void {
    this.#cut()
    // Beyond a few they are left to the collector, since that moment may be far.
    if (this.#full.length < freePagesMax) this.#full.push(this.#page)
    this.#page = this.#free.pop() ?? createPage()
    this.#start = 0
    this.#at = 0
  }

  #cut(): void {
    if (this.#at === this.#start) return
    this.#pieces.push(this.#page.bytes.subarray(this.#start, this.#at))
    this.#start = this.#at
  }
}

interface Page {
  readonly bytes: Uint8Array
  readonly view: DataView
}

function createPage(): Page {
  const bytes = Buffer.allocUnsafeSlow(pageBytes)
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, pageBytes) }
}

const pageBytes = 64 << 10
const freePagesMax = 8
/** Beyond this a copy costs more than one piece more in the write. */
const copiedBytesMax = 16 << 10
