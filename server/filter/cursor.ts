/** A set of characters and how error texts write it. */
export interface CharacterSet {
  readonly name: string
  readonly pattern: RegExp
}

/**
 * A place in the text being parsed, and what was looked for there. Consul's parser is a parsing expression grammar (Ford, POPL 2004),
 * which tries every alternative: when all fail, the most telling thing it can say is what would have been accepted at the
 * farthest place that any of them reached. A *mistake* is told apart from that: a rule recognised what is wrong and says so,
 * and the text is refused even if another alternative fits.
 */
export class Cursor {
  readonly text: string
  offset = 0
  #farthest = 0
  readonly #expected = new Set<string>()
  readonly #mistakes = new Set<string>()

  constructor(text: string) {
    this.text = text
  }

  /** Moves past the literal, if it is next. */
  literal(wanted: string): boolean {
    if (!this.text.startsWith(wanted, this.offset)) return this.#missed(JSON.stringify(wanted))
    this.offset += wanted.length
    return true
  }

  /** Moves past one character of the set. */
  one(set: CharacterSet): boolean {
    if (!set.pattern.test(this.text.charAt(this.offset))) return this.#missed(set.name)
    this.offset += 1
    return true
  }

  /** Moves past all characters of the set that are next; true if there was one. */
  some(set: CharacterSet): boolean {
    const start = this.offset
    while (this.one(set));
    return this.offset > start
  }

  atEnd(): boolean {
    return this.offset >= this.text.length || this.#missed(end)
  }

  /** What the rule gives; where it gives undefined, the cursor is back where it was. */
  attempt<T>(rule: () => T | undefined): T | undefined {
    const start = this.offset
    const result = rule()
    if (result === undefined) this.offset = start
    return result
  }

  /** Notes what is wrong with the text, here or at the offset given. */
  mistake(rule: string, what: string, offset = this.offset): undefined {
    this.#mistakes.add(`${this.#position(offset)}: rule "${rule}": ${what}`)
    return undefined
  }

  get hasMistakes(): boolean {
    return this.#mistakes.size > 0
  }

  /** Why the text was refused: the mistakes, one a line, or what was expected. */
  explain(): string {
    if (this.hasMistakes) return [...this.#mistakes].join('\n')
    const wanted = [...this.#expected].filter((name) => name !== end).toSorted()
    if (this.#expected.has(end)) wanted.push(end)
    const last = wanted.pop() ?? ''
    const list = wanted.length === 0 ? last : `${wanted.join(', ')} or ${last}`
    return `${this.#position(this.#farthest)}: no match found, expected: ${list}`
  }

  #missed(wanted: string): false {
    if (this.offset > this.#farthest) {
      this.#farthest = this.offset
      this.#expected.clear()
    }
    if (this.offset === this.#farthest) this.#expected.add(wanted)
    return false
  }

  /** Line, column in characters and offset in bytes. A line feed belongs to the line it begins, at column 0. */
  #position(offset: number): string {
    const before = this.text.slice(0, offset)
    const seen = this.text.slice(0, offset + 1)
    const line = seen.split('\n').length
    const lineStart = seen.lastIndexOf('\n') + 1
    const column = offset < lineStart ? 0 : Array.from(before.slice(lineStart)).length + 1
    return `${line}:${column} (${Buffer.byteLength(before)})`
  }
}

const end = 'EOF'
