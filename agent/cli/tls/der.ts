/** The Distinguished Encoding Rules of ASN.1 (ITU-T X.690), as far as certificates need them. */
export interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** All of it, tag and length too. */
  readonly whole: Uint8Array
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

/** A context-specific tag. */
export function context(number: number, form: 'plain' | 'constructed' = 'plain'): number {
  return 0x80 | (form === 'constructed' ? 0x20 : 0) | number
}

export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content])
}

export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(tags.sequence, ...contents)
}

/** A positive number of these bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? Buffer.alloc(1) : bytes.subarray(first)
  const isNegative = ((digits[0] ?? 0) & 0x80) !== 0
  return der(tags.integer, ...(isNegative ? [Buffer.alloc(1)] : []), digits)
}

/** `2.5.29.15`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const digits = [number & 0x7f]
    for (let left = number >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
    return digits
  })
  return der(tags.oid, Buffer.from(bytes))
}

/** Bits as bytes, of which the last has so many at its end that don't count. */
export function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return der(tags.bits, Buffer.from([unused]), bytes)
}

/** Two digits of the year until 2050, four after (RFC 5280, 4.1.2.5); without fractions of seconds. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = Number(digits.slice(0, 4))
  return year < 2050
    ? der(tags.utcTime, Buffer.from(digits.slice(2)))
    : der(tags.generalizedTime, Buffer.from(digits))
}

/** What is in a constructed element, one after the other. The bytes are a certificate that node:crypto has read: they are sound. */
export function readAll(bytes: Uint8Array): Element[] {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1] ?? 0
    const digits = short < 0x80 ? 0 : short & 0x7f
    const head = 2 + digits
    let length = digits === 0 ? short : 0
    for (const byte of bytes.subarray(at + 2, at + head)) length = length * 256 + byte
    const end = at + head + length
    const whole = bytes.subarray(at, end)
    elements.push({ tag: bytes[at] ?? 0, content: whole.subarray(head), whole })
    at = end
  }
  return elements
}
