import { decodeJson } from '../../server/model/json.ts'

/** A text that is no JSON, in the words of Go's decoder. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson'
}

/**
 * The first JSON value of a body, as Go's json.Decoder reads it: what follows the value is not looked at. JSON.parse does the work;
 * only what it refuses is scanned again, to find where the value ends or what Go says of it. Throws MalformedJson.
 */
export function firstValue(body: Uint8Array): unknown {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  try {
    return decodeJson(text.toString())
  } catch {
    return decodeJson(text.subarray(0, endOfValue(text)).toString())
  }
}

type Expecting =
  | 'value'
  | 'first element'
  | 'first key'
  | 'key'
  | 'colon'
  | 'member end'
  | 'element end'

const where = {
  value: 'looking for beginning of value',
  'first element': 'looking for beginning of value',
  'first key': 'looking for beginning of object key string',
  key: 'looking for beginning of object key string',
  colon: 'after object key',
  'member end': 'after object key:value pair',
  'element end': 'after array element',
} as const

/** Where the first value ends: a state machine over bytes with a stack for what is open, so that depth costs no recursion. */
export function endOfValue(text: Uint8Array): number {
  const open: ('{' | '[')[] = []
  let expecting: Expecting = 'value'
  let at = 0
  for (;;) {
    while (isSpace(text[at])) at += 1
    const byte = text[at]
    if (byte === undefined) throw new MalformedJson(open.length === 0 ? 'EOF' : 'unexpected EOF')
    const character = String.fromCharCode(byte)
    const closes =
      (character === '}' && (expecting === 'first key' || expecting === 'member end')) ||
      (character === ']' && (expecting === 'first element' || expecting === 'element end'))
    if (closes) {
      open.pop()
      at += 1
    } else if (expecting === 'colon' || expecting === 'member end' || expecting === 'element end') {
      if (character !== (expecting === 'colon' ? ':' : ','))
        throw unexpected(byte, where[expecting])
      expecting = expecting === 'member end' ? 'key' : 'value'
      at += 1
      continue
    } else if (expecting === 'first key' || expecting === 'key') {
      if (character !== '"') throw unexpected(byte, where[expecting])
      at = endOfString(text, at)
      expecting = 'colon'
      continue
    } else if (character === '{' || character === '[') {
      open.push(character)
      expecting = character === '{' ? 'first key' : 'first element'
      at += 1
      continue
    } else at = endOfScalar(text, at, where[expecting])
    const around = open.at(-1)
    if (around === undefined) return at
    expecting = around === '{' ? 'member end' : 'element end'
  }
}

function endOfScalar(text: Uint8Array, at: number, context: string): number {
  const character = String.fromCharCode(text[at] ?? 0)
  if (character === '"') return endOfString(text, at)
  if (/[-0-9]/.test(character)) return endOfNumber(text, at)
  const literal = ['true', 'false', 'null'].find((word) => word.startsWith(character))
  if (literal === undefined) throw unexpected(text[at], context)
  for (let offset = 1; offset < literal.length; offset += 1) {
    const expected = literal[offset] ?? ''
    if (text[at + offset] !== expected.charCodeAt(0))
      throw unexpected(text[at + offset], `in literal ${literal} (expecting '${expected}')`)
  }
  return at + literal.length
}

function endOfString(text: Uint8Array, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const byte = text[at]
    if (byte === 0x22) return at + 1
    if (byte === undefined || byte < 0x20) throw unexpected(byte, 'in string literal')
    if (byte !== 0x5c) continue
    at += 1
    const escape = String.fromCharCode(text[at] ?? 0)
    if (escape === 'u') {
      for (let digit = 0; digit < 4; digit += 1) {
        at += 1
        if (!/[0-9a-fA-F]/.test(String.fromCharCode(text[at] ?? 0)))
          throw unexpected(text[at], 'in \\u hexadecimal character escape')
      }
    } else if (!/["\\/bfnrt]/.test(escape)) throw unexpected(text[at], 'in string escape code')
  }
}

function endOfNumber(text: Uint8Array, start: number): number {
  let at = start
  const isDigit = (): boolean => /[0-9]/.test(String.fromCharCode(text[at] ?? 0))
  const digits = (context: string): void => {
    if (!isDigit()) throw unexpected(text[at], context)
    while (isDigit()) at += 1
  }
  if (text[at] === 0x2d) at += 1
  // After a leading zero the number is over; whatever follows is the caller's to judge.
  if (text[at] === 0x30) at += 1
  else digits('in numeric literal')
  if (text[at] === 0x2e) {
    at += 1
    digits('after decimal point in numeric literal')
  }
  if (text[at] === 0x65 || text[at] === 0x45) {
    at += 1
    if (text[at] === 0x2b || text[at] === 0x2d) at += 1
    digits('in exponent of numeric literal')
  }
  return at
}

function unexpected(byte: number | undefined, context: string): MalformedJson {
  if (byte === undefined) return new MalformedJson('unexpected EOF')
  return new MalformedJson(`invalid character ${quote(byte)} ${context}`)
}

/** A byte as Go quotes it: taken for a character of Latin-1. */
function quote(byte: number): string {
  const character = String.fromCharCode(byte)
  if (character === "'") return "'\\''"
  if (character === '"') return "'\"'"
  if (character === '\\') return "'\\\\'"
  const short = controls[byte]
  if (short !== undefined) return `'${short}'`
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`
  return byte >= 0x80 && byte <= 0xa0 ? `'\\u00${byte.toString(16)}'` : `'${character}'`
}

const controls: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
