import { LineIndex, Positions, SyntaxFault } from './document.ts'
import type { Document, DocumentObject, DocumentValue, Path } from './document.ts'

/**
 * A JSON text as plain values with their positions, and mistakes in the words of Go's decoder, which operators have learnt to
 * read. An empty text is an empty object. Throws SyntaxFault.
 */
export function readJson(text: string): Document {
  if (text.trim() === '') return { format: 'json', value: {}, positions: new Positions() }
  return new Reader(text).document()
}

/** How deep objects and lists may nest: no configuration comes near, and the stack stays small. */
const depthMax = 64

const space = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }
const stringEnd = /["\\]|[^\x20-\uFFFF]/g

class Reader {
  readonly #text: string
  readonly #lines: LineIndex
  readonly #positions = new Positions()
  #offset = 0

  constructor(text: string) {
    this.#text = text
    this.#lines = new LineIndex(text)
  }

  document(): Document {
    const kind = this.#peek() === '[' ? 'array' : this.#peek() === '"' ? 'string' : 'value'
    if (this.#peek() !== '{') {
      const start = this.#offset
      this.#value([])
      this.#fail(
        `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
        start,
      )
    }
    const value = this.#object([])
    if (this.#peek() !== '') this.#unexpected('after top-level value')
    return { format: 'json', value, positions: this.#positions }
  }

  #value(path: Path): DocumentValue {
    if (path.length > depthMax) this.#fail(`nested deeper than ${depthMax} levels`)
    const next = this.#peek()
    if (next === '{') return this.#object(path)
    if (next === '[') return this.#list(path)
    if (next === '"') return this.#string()
    if (/[tfn]/.test(next)) return this.#word(next)
    return this.#number()
  }

  #object(path: Path): DocumentObject {
    const entries = new Map<string, DocumentValue>()
    this.#offset += 1
    if (this.#peek() === '}') return this.#closed({})
    for (;;) {
      if (this.#peek() !== '"') this.#unexpected('looking for beginning of object key string')
      const position = this.#lines.at(this.#offset)
      const name = this.#string()
      if (this.#peek() !== ':') this.#unexpected('after object key')
      this.#offset += 1
      this.#positions.put([...path, name], position)
      entries.set(name, this.#value([...path, name]))
      const after = this.#peek()
      if (after === '}') return this.#closed(Object.fromEntries(entries))
      if (after !== ',') this.#unexpected('after object key:value pair')
      this.#offset += 1
    }
  }

  #list(path: Path): DocumentValue {
    const items: DocumentValue[] = []
    this.#offset += 1
    if (this.#peek() === ']') return this.#closed(items)
    for (;;) {
      this.#peek()
      const itemPath = [...path, items.length]
      this.#positions.put(itemPath, this.#lines.at(this.#offset))
      items.push(this.#value(itemPath))
      const after = this.#peek()
      if (after === ']') return this.#closed(items)
      if (after !== ',') this.#unexpected('after array element')
      this.#offset += 1
    }
  }

  #closed<Value>(value: Value): Value {
    this.#offset += 1
    return value
  }

  #string(): string {
    const start = this.#offset
    this.#offset += 1
    for (;;) {
      stringEnd.lastIndex = this.#offset
      const stop = stringEnd.exec(this.#text)
      this.#offset = stop?.index ?? this.#text.length
      if (stop?.[0] === '"') break
      if (stop?.[0] !== '\\') this.#unexpected('in string literal')
      this.#escape()
    }
    this.#offset += 1
    return JSON.parse(this.#text.slice(start, this.#offset)) as string
  }

  #escape(): void {
    this.#offset += 1
    const kind = this.#text.charAt(this.#offset)
    if (!/["\\/bfnrtu]/.test(kind)) this.#unexpected('in string escape code')
    this.#offset += 1
    if (kind !== 'u') return
    for (let digit = 0; digit < 4; digit += 1) {
      if (!/[\da-fA-F]/.test(this.#text.charAt(this.#offset)))
        this.#unexpected('in \\u hexadecimal character escape')
      this.#offset += 1
    }
  }

  #word(first: string): boolean | null {
    const word = first === 't' ? 'true' : first === 'f' ? 'false' : 'null'
    for (const letter of word) {
      if (this.#text.charAt(this.#offset) !== letter)
        this.#unexpected(`in literal ${word} (expecting '${letter}')`)
      this.#offset += 1
    }
    return words[word] ?? null
  }

  #number(): number {
    number.lastIndex = this.#offset
    const literal = number.exec(this.#text)?.[0]
    if (literal === undefined) return this.#unexpected('looking for beginning of value')
    this.#offset += literal.length
    return Number(literal)
  }

  /** The next character that isn't space; `''` at the end. */
  #peek(): string {
    space.lastIndex = this.#offset
    this.#offset += space.exec(this.#text)?.[0].length ?? 0
    return this.#text.charAt(this.#offset)
  }

  #unexpected(where: string): never {
    const found = this.#text.charAt(this.#offset)
    if (found === '') this.#fail('unexpected end of JSON input')
    const quoted =
      found === "'" ? `'\\''` : `'${JSON.stringify(found).slice(1, -1).replace('\\"', '"')}'`
    return this.#fail(`invalid character ${quoted} ${where}`)
  }

  #fail(message: string, offset = this.#offset): never {
    throw new SyntaxFault(message, this.#lines.at(offset))
  }
}
