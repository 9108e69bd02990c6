import { PraetorError } from '../model/errors.ts'
import { Cursor } from './cursor.ts'
import type { Expression, Match, Operator } from './expression.ts'
import { unquote } from './literal.ts'

/** Parentheses and `not` may be nested this deep: the parser calls itself, and its stack has an end. */
export const nestingMax = 200

/**
 * The grammar, loosest binding first:
 *
 *     or       and ("or" and)*                              joined to the right
 *     and      not ("and" not)*
 *     not      "not" not | grouping
 *     grouping "(" or ")" | match
 *     match    selector ("==" | "!=" | "contains" | "not contains" | "matches" | "not matches") value
 *            | selector ("is empty" | "is not empty")
 *            | value ("in" | "not in") selector
 *     selector name ("." name | "[" string "]")*
 *     value    selector | number | string
 *
 * Whatever is a word there must be set off by white space. Throws PraetorError (`failed`) with the texts of Consul's own parser.
 */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text)
  return parser.parse()
}

const space = { name: String.raw`[ \t\r\n]`, pattern: /[ \t\r\n]/ }
const letter = { name: '[a-zA-Z]', pattern: /[a-zA-Z]/ }
const letterOrDigit = { name: '[a-zA-Z0-9_]', pattern: /\w/ }
const digit = { name: '[0-9]', pattern: /\d/ }
const digitNotZero = { name: '[1-9]', pattern: /[1-9]/ }

class Parser {
  readonly #cursor: Cursor
  #depth = 0

  constructor(text: string) {
    this.#cursor = new Cursor(text)
  }

  parse(): Expression {
    this.#space()
    const expression = this.#or()
    if (expression) this.#space()
    if (!expression || !this.#cursor.atEnd() || this.#cursor.hasMistakes)
      throw new PraetorError('failed', this.#cursor.explain())
    return expression
  }

  #or(): Expression | undefined {
    return this.#joined('or', () => this.#joined('and', () => this.#not()))
  }

  #joined(kind: 'and' | 'or', operand: () => Expression | undefined): Expression | undefined {
    const first = operand()
    if (!first) return undefined
    const operands = [first]
    for (;;) {
      const next = this.#cursor.attempt(() =>
        this.#words(kind) && this.#gap() ? operand() : undefined,
      )
      if (!next) break
      operands.push(next)
    }
    return operands.reduceRight((right, left) => ({ kind, left, right }))
  }

  #not(): Expression | undefined {
    return this.#nested(() => {
      const operand = this.#cursor.attempt(() =>
        this.#cursor.literal('not') && this.#gap() ? this.#not() : undefined,
      )
      return operand ? { kind: 'not', operand } : this.#grouping()
    })
  }

  #nested<T>(rule: () => T): T {
    if (this.#depth === nestingMax)
      throw new PraetorError('failed', `nested more than ${nestingMax} deep`)
    this.#depth += 1
    const result = rule()
    this.#depth -= 1
    return result
  }

  #grouping(): Expression | undefined {
    return this.#cursor.attempt(() => {
      if (!this.#cursor.literal('(')) return this.#match()
      this.#space()
      const inner = this.#or()
      if (!inner) return undefined
      this.#space()
      return this.#cursor.literal(')')
        ? inner
        : this.#cursor.mistake('grouping', 'Unmatched parentheses')
    })
  }

  #match(): Match | undefined {
    return (
      this.#cursor.attempt(() => this.#selectorFirst()) ??
      this.#cursor.attempt(() => this.#valueFirst())
    )
  }

  #selectorFirst(): Match | undefined {
    const selector = this.#selector()
    if (!selector) return undefined
    const compared = this.#cursor.attempt((): Match | undefined => {
      const operator = this.#comparison()
      const value = operator && this.#value()
      return value === undefined || !operator
        ? undefined
        : { kind: 'match', selector, operator, value }
    })
    if (compared) return compared
    if (this.#words('is', 'empty')) return { kind: 'match', selector, operator: 'Is Empty' }
    if (this.#words('is', 'not', 'empty'))
      return { kind: 'match', selector, operator: 'Is Not Empty' }
    return undefined
  }

  #comparison(): Operator | undefined {
    if (this.#sign('==')) return 'Equal'
    if (this.#sign('!=')) return 'Not Equal'
    if (this.#spaced('contains')) return 'In'
    if (this.#spaced('not', 'contains')) return 'Not In'
    if (this.#spaced('matches')) return 'Matches'
    if (this.#spaced('not', 'matches')) return 'Not Matches'
    return undefined
  }

  #valueFirst(): Match | undefined {
    const value = this.#value()
    if (value === undefined) return undefined
    const operator = this.#spaced('in') ? 'In' : this.#spaced('not', 'in') ? 'Not In' : undefined
    if (!operator) return undefined
    const selector = this.#selector()
    return selector
      ? { kind: 'match', selector, operator, value }
      : this.#cursor.mistake('match', 'Invalid selector')
  }

  #selector(): string[] | undefined {
    const first = this.#name()
    if (first === undefined) return undefined
    const path = [first]
    for (;;) {
      const part =
        this.#cursor.attempt(() => (this.#cursor.literal('.') ? this.#name() : undefined)) ??
        this.#cursor.attempt(() => this.#index())
      if (part === undefined) return path
      path.push(part)
    }
  }

  #name(): string | undefined {
    const start = this.#cursor.offset
    if (!this.#cursor.one(letter)) return undefined
    this.#cursor.some(letterOrDigit)
    return this.#cursor.text.slice(start, this.#cursor.offset)
  }

  #index(): string | undefined {
    if (!this.#cursor.literal('[')) return undefined
    this.#space()
    const key = this.#cursor.attempt(() => this.#string())
    if (key === undefined) return this.#cursor.mistake('index', 'Invalid index')
    this.#space()
    return this.#cursor.literal(']')
      ? key
      : this.#cursor.mistake('index', 'Unclosed index expression')
  }

  /** A bare value is anything that could be a selector, and stands for its own text. */
  #value(): string | undefined {
    return (
      this.#selector()?.join('.') ??
      this.#cursor.attempt(() => this.#number()) ??
      this.#cursor.attempt(() => this.#string())
    )
  }

  #number(): string | undefined {
    const start = this.#cursor.offset
    this.#cursor.literal('-')
    if (!this.#cursor.literal('0')) {
      if (!this.#cursor.one(digitNotZero)) return undefined
      this.#cursor.some(digit)
    }
    this.#cursor.attempt(() => (this.#cursor.literal('.') && this.#cursor.some(digit)) || undefined)
    const end = this.#cursor.offset
    if (!this.#isAfterNumber()) return this.#cursor.mistake('number', 'Invalid number literal', end)
    return this.#cursor.text.slice(start, end)
  }

  #isAfterNumber(): boolean {
    const end = this.#cursor.offset
    const ends = this.#space() || this.#cursor.atEnd() || this.#cursor.literal(')')
    this.#cursor.offset = end
    return ends
  }

  /** In back quotes everything stands for itself; in double quotes Go's escapes count, but the next double quote is the end. */
  #string(): string | undefined {
    const { text, offset: start } = this.#cursor
    const mark = this.#cursor.literal('`') ? '`' : this.#cursor.literal('"') ? '"' : undefined
    if (mark === undefined) return undefined
    const close = text.indexOf(mark, this.#cursor.offset)
    if (close === -1)
      return this.#cursor.mistake('string', 'Unterminated string literal', text.length)
    this.#cursor.offset = close + 1
    const meant = unquote(text.slice(start, close + 1))
    if (meant === undefined) this.#cursor.mistake('string', 'invalid syntax', start)
    return meant ?? ''
  }

  #sign(sign: string): boolean {
    return (
      this.#cursor.attempt(() => {
        this.#space()
        if (!this.#cursor.literal(sign)) return undefined
        this.#space()
        return true
      }) ?? false
    )
  }

  /** The words, with white space before each and after the last. */
  #spaced(...words: readonly string[]): boolean {
    return this.#cursor.attempt(() => (this.#words(...words) && this.#gap()) || undefined) ?? false
  }

  /** The words, with white space before each. */
  #words(...words: readonly string[]): boolean {
    return (
      this.#cursor.attempt(
        () => words.every((word) => this.#gap() && this.#cursor.literal(word)) || undefined,
      ) ?? false
    )
  }

  #gap(): boolean {
    return this.#cursor.some(space)
  }

  #space(): boolean {
    return this.#cursor.some(space)
  }
}
