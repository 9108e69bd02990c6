/**
 * Sets of characters as RE2 names them (github.com/google/re2/wiki/Syntax), written as the inside of a JavaScript class under the
 * `v` flag, where a class may hold another.
 */
export const anyCharacter = String.raw`\0-\u{10ffff}`

/** `\d` and its like. */
export const perlSets: Readonly<Record<string, string>> = {
  d: '0-9',
  D: String.raw`[^0-9]`,
  s: String.raw`\t\n\f\r\u{20}`,
  S: String.raw`[^\t\n\f\r\u{20}]`,
  w: 'A-Za-z0-9_',
  W: String.raw`[^A-Za-z0-9_]`,
}

/** What stands between `[:` and `:]`. */
export const namedSets: ReadonlyMap<string, string> = new Map(
  Object.entries({
    alnum: '0-9A-Za-z',
    alpha: 'A-Za-z',
    ascii: String.raw`\0-\x7f`,
    blank: String.raw`\t\u{20}`,
    cntrl: String.raw`\0-\x1f\x7f`,
    digit: '0-9',
    graph: String.raw`\x21-\x7e`,
    lower: 'a-z',
    print: String.raw`\x20-\x7e`,
    punct: String.raw`\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e`,
    space: String.raw`\t-\r\u{20}`,
    upper: 'A-Z',
    word: '0-9A-Za-z_',
    xdigit: '0-9A-Fa-f',
  }),
)

/** One character. */
export function written(code: number): string {
  return `\\u{${code.toString(16)}}`
}

/** `\p{…}`: general categories by their short names, scripts by their long ones; undefined for no such set. */
export function unicodeSet(name: string): string | undefined {
  if (name === 'Any') return anyCharacter
  const set = /^[A-Z][a-z]?$/.test(name) ? `\\p{${name}}` : `\\p{Script=${name}}`
  try {
    return RegExp(`[${set}]`, 'v') && set
  } catch {
    return undefined
  }
}
