/**
 * JSON as Go's encoder prints it, which is what clients of Consul have always been given: `<`, `>`, `&` and the two JavaScript line
 * separators escaped, map keys sorted by whoever builds the map, 64-bit numbers exact, four spaces when asked to be pretty.
 */
declare global {
  interface JSON {
    /** ECMAScript proposal JSON.parse source text access, in V8 since 2023; the library's types don't name it yet. */
    rawJSON(text: string): unknown
  }
}

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  // JSON.stringify has short forms for these two, Go has not.
  '\\b': '\\u0008',
  '\\f': '\\u000c',
}
const escaped = /[<>&\u2028\u2029]|\\[bf]|[\ufdd0-\ufdd7][\ufdd8-\ufde7]/
/** Escapes are matched whole, so that the `b` of `\\b` (a backslash, then a b) is not taken for one. */
const everyEscaped = /[<>&\u2028\u2029]|\\.|[\ufdd0-\ufdd7][\ufdd8-\ufde7]/g

const escape = (text: string): string =>
  // A byte that was no UTF-8 when it came is kept as such a pair (api/plugins/percent.ts).
  text >= '\ufdd0' ? '\\ufffd' : (escapes[text] ?? text)

/** Bigints and bytes have no JSON of their own: bigints print as digits, bytes as base64, as in Go. */
function replacer(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return JSON.rawJSON(value.toString())
  if (value instanceof Uint8Array) return base64(value)
  return value
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

export function escapeForGo(text: string): string {
  return escaped.test(text) ? text.replace(everyEscaped, escape) : text
}

/** Plain rows: nothing in them but strings, numbers, booleans, arrays and objects. The quick way for hot answers. */
export function encodePlainJson(value: unknown): string {
  return escapeForGo(JSON.stringify(value))
}

export function encodeJson(value: unknown, options: { readonly pretty?: boolean } = {}): string {
  return options.pretty === true
    ? `${escapeForGo(JSON.stringify(value, replacer, 4))}\n`
    : escapeForGo(JSON.stringify(value, replacer))
}

/** JSON.parse with integers that a double can't hold kept as bigints. Throws SyntaxError. */
export function decodeJson(text: string): unknown {
  // The reviver costs several times the parse, so only texts that hold a long run of digits pay for it.
  return /\d{16}/.test(text)
    ? JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
        typeof value === 'number' &&
        !Number.isSafeInteger(value) &&
        /^-?\d+$/.test(context?.source ?? '')
          ? BigInt(context?.source ?? '')
          : value,
      )
    : JSON.parse(text)
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^"{}[\],:\s]+/g

/** Compact JSON as Go's `MarshalIndent` prints it, four spaces and a line's end; numbers and the order of keys stay as they are. */
export function indentJson(compact: string): string {
  let out = ''
  let depth = 0
  let before = ''
  const line = (): string => `\n${'    '.repeat(depth)}`
  for (const [part] of compact.matchAll(token)) {
    if (part === '}' || part === ']') {
      depth -= 1
      out += before === '{' || before === '[' ? part : line() + part
    } else {
      if (before === '{' || before === '[' || before === ',') out += line()
      out += part === ':' ? ': ' : part
      if (part === '{' || part === '[') depth += 1
    }
    before = part
  }
  return `${out}\n`
}
