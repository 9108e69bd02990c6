/**
 * Percent-encoding as Go reads and writes it (RFC 3986 §2.1): any byte may be escaped, so what was escaped need not be UTF-8. A
 * byte that is part of no character is kept as two of the code points that Unicode sets aside for a program's own use and that
 * are never text (U+FDD0 and on), one for each half. So it is with a key from the path down into the log: distinct bytes stay
 * distinct, and JSON prints each as the character for what can't be printed (server/model/json.ts).
 */
const high = 0xfdd0
const low = 0xfdd8
const standIn = /[\ufdd0-\ufdd7][\ufdd8-\ufde7]/

/** Undefined where a `%` is not followed by two hexadecimal digits. */
export function unescapePercent(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text)
    // What would be taken for a byte later is kept as bytes itself.
    if (!/[\ufdd0-\ufde7]/.test(decoded)) return decoded
  } catch {
    if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  }
  return text
    .replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replace(character, (bytes) =>
      bytes.length > 1 ? Buffer.from(bytes, 'latin1').toString() : standFor(bytes.charCodeAt(0)),
    )
}

/** The bytes of one character beyond ASCII (Unicode, table 3-7, less those we use ourselves), else a single byte. */
const character = new RegExp(
  [
    '[\\xc2-\\xdf][\\x80-\\xbf]',
    '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
    '[\\xe1-\\xec\\xee][\\x80-\\xbf]{2}',
    '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
    '\\xef(?:[\\x80-\\xb6\\xb8-\\xbf][\\x80-\\xbf]|\\xb7[\\x80-\\x8f\\xa8-\\xbf])',
    '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
    '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
    '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
    '[\\x80-\\xff]',
  ].join('|'),
  'g',
)

const standFor = (byte: number): string =>
  String.fromCharCode(high + (byte >> 4) - 8, low + (byte & 15))

/** Go's url.QueryEscape, but for the space, which is `%20` here. */
export function escapePercent(text: string): string {
  return text
    .replace(partsToEscape, (part) =>
      standIn.test(part) ? hex(byteOf(part)) : encodeURIComponent(part),
    )
    .replace(/[!'()*]/g, (mark) => hex(mark.charCodeAt(0)))
}

const partsToEscape = /[\ufdd0-\ufdd7][\ufdd8-\ufde7]|[^\ufdd0-\ufdd7]+/g

const byteOf = (pair: string): number =>
  ((pair.charCodeAt(0) - high + 8) << 4) | (pair.charCodeAt(1) - low)

const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
