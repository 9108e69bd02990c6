import { must } from '../../../server/model/assert.ts'
import { LineIndex, SyntaxFault } from '../document.ts'
import type { Position } from '../document.ts'
import { tokenize } from './lexer.ts'
import type { Token, TokenKind } from './lexer.ts'

/** An HCL 1 text as written, before its blocks are gathered into values. */
export type HclNode =
  | { readonly kind: 'object'; readonly items: readonly HclItem[]; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly HclNode[]; readonly at: Position }
  | {
      readonly kind: 'literal'
      readonly value: string | number | boolean
      readonly at: Position
    }

/** `key = value`, `key { … }` or `key "label" "label" { … }`: one key and no, one or several labels. */
export interface HclItem {
  readonly keys: readonly HclKey[]
  readonly value: HclNode
}

export interface HclKey {
  readonly name: string
  readonly at: Position
}

/** How deep objects and lists may nest: no configuration comes near, and the stack stays small. */
const depthMax = 64

/** Throws SyntaxFault, worded as HCL words it. */
export function parseHcl(text: string): HclNode & { readonly kind: 'object' } {
  const parser = new Parser(text)
  const items = parser.items('EOF')
  return { kind: 'object', items, at: { line: 1, column: 1 } }
}

const literals: ReadonlySet<TokenKind> = new Set(['STRING', 'HEREDOC', 'NUMBER', 'FLOAT', 'BOOL'])

class Parser {
  readonly #lines: LineIndex
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#lines = new LineIndex(text)
    this.#tokens = tokenize(text)
  }

  /** Items up to the closing token, which is left unread. A comma may stand after each. */
  items(closing: 'EOF' | 'RBRACE'): HclItem[] {
    const items: HclItem[] = []
    while (this.#peek().kind !== closing) {
      if (this.#peek().kind === 'EOF') this.#fail('object expected closing RBRACE got: EOF')
      items.push(this.#item())
      if (this.#peek().kind === 'COMMA') this.#take()
    }
    return items
  }

  #item(): HclItem {
    const keys = this.#keys()
    const token = this.#peek()
    if (token.kind === 'LBRACE') {
      if (keys.length === 0) this.#fail('expected: IDENT | STRING got: LBRACE')
      return { keys, value: this.#value() }
    }
    if (token.kind === 'ASSIGN') {
      if (keys.length === 0) this.#fail('no object keys found!')
      if (keys.length > 1) this.#fail('nested object expected: LBRACE got: ASSIGN')
      this.#take()
      return { keys, value: this.#value() }
    }
    if (token.kind === 'EOF') {
      const names = keys.map((key) => key.name).join(' ')
      this.#fail(`key '${names}' expected start of object ('{') or assignment ('=')`)
    }
    return this.#fail(`expected: IDENT | STRING | ASSIGN | LBRACE got: ${token.kind}`)
  }

  #keys(): HclKey[] {
    const keys: HclKey[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind !== 'IDENT' && token.kind !== 'STRING') return keys
      keys.push({ name: String(token.value), at: this.#at(token) })
      this.#take()
    }
  }

  #value(): HclNode {
    const token = this.#peek()
    if (token.kind === 'LBRACE') return this.#nested(() => this.#object())
    if (token.kind === 'LBRACK') return this.#nested(() => this.#list())
    const at = this.#at(token)
    if (!literals.has(token.kind))
      this.#fail(`Unknown token: ${at.line}:${at.column} ${token.kind} ${token.text}`.trimEnd())
    this.#take()
    return { kind: 'literal', value: token.value, at }
  }

  #object(): HclNode {
    const at = this.#at(this.#take())
    const items = this.items('RBRACE')
    this.#take()
    return { kind: 'object', items, at }
  }

  /** Commas part the items; one may stand after the last. */
  #list(): HclNode {
    const at = this.#at(this.#take())
    const items: HclNode[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind === 'RBRACK') break
      if (token.kind === 'EOF' || token.kind === 'IDENT' || token.kind === 'ASSIGN')
        this.#fail(`unexpected token while parsing list: ${token.kind}`)
      items.push(this.#value())
      const after = this.#peek()
      if (after.kind === 'COMMA') this.#take()
      else if (after.kind !== 'RBRACK')
        this.#fail(`error parsing list, expected comma or list end, got: ${after.kind}`)
    }
    this.#take()
    return { kind: 'list', items, at }
  }

  #nested(read: () => HclNode): HclNode {
    this.#depth += 1
    if (this.#depth > depthMax) this.#fail(`nested deeper than ${depthMax} levels`)
    const node = read()
    this.#depth -= 1
    return node
  }

  #peek(): Token {
    return must(this.#tokens[this.#next], 'EOF is never passed')
  }

  #take(): Token {
    const token = this.#peek()
    this.#next += 1
    return token
  }

  #at(token: Token): Position {
    return this.#lines.at(token.offset)
  }

  #fail(message: string): never {
    throw new SyntaxFault(message, this.#at(this.#peek()))
  }
}
