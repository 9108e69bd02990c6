import { assertNever } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import { anyCharacter, namedSets, perlSets, unicodeSet, written } from './character-set.ts'

/** A regular expression in RE2's syntax (github.com/google/re2/wiki/Syntax), taken apart. */
export type Pattern =
  /** One character. `set` is the inside of a JavaScript class under the `v` flag. */
  | { readonly kind: 'character'; readonly set: string; readonly ignoreCase: boolean }
  | { readonly kind: 'edge'; readonly edge: Edge }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Pattern[] }
  | {
      readonly kind: 'repeat'
      readonly part: Pattern
      readonly min: number
      /** Infinity where there is no upper bound. */
      readonly max: number
    }

export type Edge =
  | 'text start'
  | 'text end'
  | 'line start'
  | 'line end'
  | 'word edge'
  | 'no word edge'

/** Counted repetitions multiply when nested; the product may not exceed this. */
const repeatMax = 1000
/** Groups may be nested this deep. */
const groupDepthMax = 250

/** Throws PraetorError (`failed`), in the words of Go's regexp package. */
export function parsePattern(text: string): Pattern {
  return new Parser(text).parse()
}

interface Flags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
}

const noFlags: Flags = { ignoreCase: false, multiline: false, dotAll: false }

const edges: Readonly<Record<string, Edge>> = {
  A: 'text start',
  z: 'text end',
  b: 'word edge',
  B: 'no word edge',
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

class Parser {
  readonly #text: string
  #offset = 0
  #flags = noFlags
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Pattern {
    const pattern = this.#choice()
    if (this.#offset < this.#text.length) this.#fail('unexpected )', this.#text)
    return pattern
  }

  #choice(): Pattern {
    const parts = [this.#sequence()]
    while (this.#skip('|')) parts.push(this.#sequence())
    return { kind: 'choice', parts }
  }

  #sequence(): Pattern {
    const parts: Pattern[] = []
    while (this.#offset < this.#text.length && !/[|)]/.test(this.#next)) {
      const start = this.#offset
      const counts = this.#repetition()
      if (counts) parts.push(this.#repeat(parts.pop(), counts, start))
      else parts.push(...this.#atoms())
    }
    return { kind: 'sequence', parts }
  }

  /** `*`, `+`, `?`, `{n,m}`; whether it prefers few or many makes no difference to whether there is a match. */
  #repetition(): { readonly min: number; readonly max: number } | undefined {
    if (this.#skip('*')) return { min: 0, max: Infinity }
    if (this.#skip('+')) return { min: 1, max: Infinity }
    if (this.#skip('?')) return { min: 0, max: 1 }
    const counts = /^\{(\d+)(,(\d*))?\}/.exec(this.#rest)
    if (!counts) return undefined
    this.#offset += counts[0].length
    const min = Number(counts[1])
    const max = counts[2] === undefined ? min : counts[3] === '' ? Infinity : Number(counts[3])
    if (min > repeatMax || max < min || (max !== Infinity && max > repeatMax))
      this.#fail('invalid repeat count', counts[0])
    return { min, max }
  }

  #repeat(
    part: Pattern | undefined,
    { min, max }: { readonly min: number; readonly max: number },
    start: number,
  ): Pattern {
    const operator = this.#since(start)
    this.#skip('?')
    if (!part) this.#fail('missing argument to repetition operator', this.#since(start))
    if (this.#repetition()) {
      this.#skip('?')
      this.#fail('invalid nested repetition operator', this.#since(start))
    }
    const repeated: Pattern = { kind: 'repeat', part, min, max }
    if (operator.startsWith('{') && repetitions(repeated) > repeatMax)
      this.#fail('invalid repeat count', operator)
    return repeated
  }

  /** What one token stands for: usually one part; none for `(?i)`, several for `\Q…\E`. */
  #atoms(): readonly Pattern[] {
    if (this.#next === '(') return this.#group()
    if (this.#next === '[') return [this.#bracket()]
    if (this.#skip('.'))
      return [this.#character(this.#flags.dotAll ? anyCharacter : String.raw`[^\n]`)]
    if (this.#skip('^'))
      return [{ kind: 'edge', edge: this.#flags.multiline ? 'line start' : 'text start' }]
    if (this.#skip('$'))
      return [{ kind: 'edge', edge: this.#flags.multiline ? 'line end' : 'text end' }]
    if (this.#next === '\\') return this.#escape()
    return [this.#literal(this.#take())]
  }

  #group(): readonly Pattern[] {
    const before = this.#flags
    if (this.#rest.startsWith('(?')) {
      const name = /^\(\?P<(\w+)>/.exec(this.#rest)
      if (name) this.#offset += name[0].length
      else if (this.#setFlags()) return []
    } else this.#offset += 1
    if (this.#depth === groupDepthMax) this.#fail('expression nests too deeply', this.#text)
    this.#depth += 1
    const inner = this.#choice()
    this.#depth -= 1
    if (!this.#skip(')')) this.#fail('missing closing )', this.#text)
    this.#flags = before
    return [inner]
  }

  /** `(?i-s)` holds to the end of the group that it stands in, `(?i:` opens one of its own. True for the former. */
  #setFlags(): boolean {
    const start = this.#offset
    if (this.#rest.startsWith('(?P<')) {
      const close = this.#text.indexOf('>', start)
      this.#fail(
        'invalid named capture',
        this.#text.slice(start, close === -1 ? undefined : close + 1),
      )
    }
    this.#offset += 2
    const flags = { ...this.#flags }
    let [on, count] = [true, 0]
    while (this.#offset < this.#text.length) {
      const letter = this.#take()
      const ends = letter === ')' || letter === ':'
      if (ends && (on || count > 0)) {
        this.#flags = flags
        return letter === ')'
      }
      if (letter === '-' && on) [on, count] = [false, 0]
      else if (letter === 'i') [flags.ignoreCase, count] = [on, count + 1]
      else if (letter === 'm') [flags.multiline, count] = [on, count + 1]
      else if (letter === 's') [flags.dotAll, count] = [on, count + 1]
      else if (letter === 'U') count += 1
      else break
    }
    return this.#fail('invalid or unsupported Perl syntax', this.#since(start))
  }

  #escape(): readonly Pattern[] {
    if (this.#rest.startsWith(String.raw`\Q`)) return this.#quoted()
    const edge = edges[this.#text.charAt(this.#offset + 1)]
    if (edge) {
      this.#offset += 2
      return [{ kind: 'edge', edge }]
    }
    const set = this.#escapedSet()
    return [set === undefined ? this.#literal(this.#escapedCharacter()) : this.#character(set)]
  }

  #quoted(): readonly Pattern[] {
    const start = this.#offset + 2
    const close = this.#text.indexOf(String.raw`\E`, start)
    const end = close === -1 ? this.#text.length : close
    this.#offset = close === -1 ? end : end + 2
    return Array.from(this.#text.slice(start, end), (character) => this.#literal(character))
  }

  /** `\d`, `\pL`, `\p{Greek}`, `\P{^Greek}` and the like, as the inside of a class. */
  #escapedSet(): string | undefined {
    const letter = this.#text.charAt(this.#offset + 1)
    const perl = perlSets[letter]
    if (perl !== undefined) {
      this.#offset += 2
      return perl
    }
    if (!/[pP]/.test(letter)) return undefined
    const [all = '', sign = letter, , negated = '', long] =
      /^\\([pP])(\{(\^?)([^}]*)\}|[^{])/u.exec(this.#rest) ?? []
    if (all === '') return this.#fail('invalid character class range', this.#rest)
    const name = long ?? all.slice(2)
    const property = unicodeSet(name)
    if (property === undefined) return this.#fail('invalid character class range', all)
    this.#offset += all.length
    return (sign === 'P') === (negated === '^') ? property : `[^${property}]`
  }

  #escapedCharacter(): string {
    const start = this.#offset
    this.#offset += 1
    if (this.#offset === this.#text.length)
      this.#fail('trailing backslash at end of expression', '')
    const character = this.#take()
    const control = controls[character]
    if (control !== undefined) return String.fromCodePoint(control)
    if (/[0-7]/.test(character) && (character === '0' || /[0-7]/.test(this.#next)))
      return this.#octal(character)
    if (character === 'x') return this.#hexadecimal(start)
    if (character < '\x80' && /\W|_/.test(character)) return character
    return this.#fail('invalid escape sequence', this.#since(start))
  }

  #octal(first: string): string {
    const more = /^[0-7]{0,2}/.exec(this.#rest)?.[0] ?? ''
    this.#offset += more.length
    return String.fromCodePoint(Number.parseInt(first + more, 8))
  }

  #hexadecimal(start: number): string {
    const plain = /^[\da-fA-F]{2}/.exec(this.#rest)
    if (plain) {
      this.#offset += 2
      return String.fromCodePoint(Number.parseInt(plain[0], 16))
    }
    if (!this.#skip('{')) {
      // Two characters are taken for the digits, whatever they are.
      this.#offset = Math.min(this.#text.length, this.#offset + 2)
      return this.#fail('invalid escape sequence', this.#since(start))
    }
    let code = 0
    let digits = 0
    while (this.#offset < this.#text.length) {
      const digit = this.#take()
      if (digit === '}' && digits > 0) return String.fromCodePoint(code)
      if (!/[\da-fA-F]/.test(digit)) break
      code = code * 16 + Number.parseInt(digit, 16)
      digits += 1
      if (code > 0x10ffff) break
    }
    return this.#fail('invalid escape sequence', this.#since(start))
  }

  #bracket(): Pattern {
    const start = this.#offset
    const unclosed = (): never => this.#fail('missing closing ]', this.#text.slice(start))
    this.#offset += 1
    const negated = this.#skip('^')
    let set = ''
    for (let first = true; first || this.#next !== ']'; first = false) {
      if (this.#offset === this.#text.length) unclosed()
      set += this.#bracketItem(unclosed)
    }
    this.#offset += 1
    return this.#character(negated ? `[^${set}]` : set)
  }

  #bracketItem(unclosed: () => never): string {
    const named = /^\[:(\^?)(\w*):\]/.exec(this.#rest)
    if (named) {
      const set = namedSets.get(named[2] ?? '')
      if (set === undefined) this.#fail('invalid character class range', named[0])
      this.#offset += named[0].length
      return named[1] === '^' ? `[^${set}]` : set
    }
    const set = this.#next === '\\' ? this.#escapedSet() : undefined
    if (set !== undefined) return set
    const start = this.#offset
    const low = this.#bracketCharacter(unclosed)
    if (this.#next !== '-' || this.#text.charAt(this.#offset + 1) === ']') return written(low)
    this.#offset += 1
    const high = this.#bracketCharacter(unclosed)
    if (high < low) this.#fail('invalid character class range', this.#since(start))
    return `${written(low)}-${written(high)}`
  }

  #bracketCharacter(unclosed: () => never): number {
    if (this.#offset === this.#text.length) unclosed()
    const character = this.#next === '\\' ? this.#escapedCharacter() : this.#take()
    return character.codePointAt(0) ?? 0
  }

  #literal(character: string): Pattern {
    return this.#character(written(character.codePointAt(0) ?? 0))
  }

  #character(set: string): Pattern {
    return { kind: 'character', set, ignoreCase: this.#flags.ignoreCase }
  }

  get #next(): string {
    return this.#text.charAt(this.#offset)
  }

  get #rest(): string {
    return this.#text.slice(this.#offset)
  }

  #since(start: number): string {
    return this.#text.slice(start, this.#offset)
  }

  #take(): string {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#offset) ?? 0)
    this.#offset += character.length
    return character
  }

  #skip(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#offset)) return false
    this.#offset += literal.length
    return true
  }

  #fail(what: string, where: string): never {
    throw new PraetorError('failed', `error parsing regexp: ${what}: \`${where}\``)
  }
}

/** How often the innermost part may be repeated in all. */
function repetitions(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'character':
    case 'edge':
      return 1
    case 'sequence':
    case 'choice':
      return pattern.parts.reduce((most, part) => Math.max(most, repetitions(part)), 1)
    case 'repeat': {
      const times = pattern.max === Infinity ? pattern.min : pattern.max
      return Math.max(times, 1) * repetitions(pattern.part)
    }
    default:
      return assertNever(pattern)
  }
}
