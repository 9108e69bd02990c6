/** Go's spelling of strings, integers and booleans (the language specification, "Lexical elements", and strconv). */

const namedEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}
const escapeNames = new Map(Object.entries(namedEscapes).map(([name, meant]) => [meant, name]))

/** The text between double quotes as an error message shows it (`%q`). */
export function quote(text: string): string {
  return `"${text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, escapeOf)}"`
}

function escapeOf(character: string): string {
  const name = escapeNames.get(character)
  if (name !== undefined) return `\\${name}`
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}

const escape = /\\(?:([abfnrtv\\"])|x([\da-fA-F]{2})|([0-7]{3})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/g

/** What a literal with its quotes stands for; undefined where Go would not compile it. */
export function unquote(literal: string): string | undefined {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside.replaceAll('\r', '')
  if (inside.replace(escape, '').match(/["\\\n]/)) return undefined
  const bytes: Buffer[] = []
  let end = 0
  for (const found of inside.matchAll(escape)) {
    bytes.push(Buffer.from(inside.slice(end, found.index)))
    const meant = bytesOf(found)
    if (!meant) return undefined
    bytes.push(meant)
    end = found.index + found[0].length
  }
  return end === 0 ? inside : Buffer.concat([...bytes, Buffer.from(inside.slice(end))]).toString()
}

/** `\xNN` and `\NNN` are bytes and may be parts of a character; the others are whole characters. */
function bytesOf([, name, hexByte, octalByte, short, long]: RegExpExecArray): Buffer | undefined {
  if (name !== undefined) return Buffer.from(namedEscapes[name] ?? '')
  const byte =
    hexByte === undefined ? Number.parseInt(octalByte ?? '', 8) : Number.parseInt(hexByte, 16)
  if (!Number.isNaN(byte)) return byte > 0xff ? undefined : Buffer.of(byte)
  const code = Number.parseInt(short ?? long ?? '', 16)
  // Half a surrogate pair becomes U+FFFD on the way through UTF-8, as it does in Go.
  return code > 0x10ffff ? undefined : Buffer.from(String.fromCodePoint(code))
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string }

const integer =
  /^[+-]?(?:0[xX](?:_?[\da-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/
const integerMax = 2n ** 63n

/** `strconv.ParseInt(text, 0, 64)`: the base is in the prefix, and underscores may part the digits. */
export function parseInteger(text: string): Parsed<number> {
  const fail = (why: string): Parsed<number> => ({
    ok: false,
    error: `strconv.ParseInt: parsing ${quote(text)}: ${why}`,
  })
  if (!integer.test(text)) return fail('invalid syntax')
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '')
  const size = BigInt(digits.replace(/^0(?=[0-7])/, '0o'))
  const value = text.startsWith('-') ? -size : size
  if (value >= integerMax || value < -integerMax) return fail('value out of range')
  return { ok: true, value: Number(value) }
}

/** `strconv.ParseBool`. */
export function parseBoolean(text: string): Parsed<boolean> {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return { ok: true, value: true }
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return { ok: true, value: false }
  return { ok: false, error: `strconv.ParseBool: parsing ${quote(text)}: invalid syntax` }
}
