import { positionAt, SyntaxFault } from '../document.ts'

/** The names are those that HCL's own error messages use. */
export type TokenKind =
  | 'IDENT'
  | 'STRING'
  | 'HEREDOC'
  | 'NUMBER'
  | 'FLOAT'
  | 'BOOL'
  | 'ASSIGN'
  | 'LBRACE'
  | 'RBRACE'
  | 'LBRACK'
  | 'RBRACK'
  | 'COMMA'
  | 'EOF'

export interface Token {
  readonly kind: TokenKind
  /** As written. */
  readonly text: string
  /** What a literal means; the text itself for an identifier. */
  readonly value: string | number | boolean
  readonly offset: number
}

const punctuation: Readonly<Record<string, TokenKind>> = {
  '=': 'ASSIGN',
  '{': 'LBRACE',
  '}': 'RBRACE',
  '[': 'LBRACK',
  ']': 'RBRACK',
  ',': 'COMMA',
}

const skipped = /(?:\s|\uFEFF|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
const identifier = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy
const number = /-?(?:0[xX][\da-fA-F]+|\d+(\.\d*)?([eE][+-]?\d+)?)/y
const heredocStart = /<<(-?)([\p{L}\p{Nd}_]+)\r?\n/uy

/** Cuts an HCL 1 text into tokens, the last of which is EOF. Throws SyntaxFault. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let offset = 0
  for (;;) {
    offset += matchAt(skipped, text, offset)?.[0].length ?? 0
    const token = readToken(text, offset)
    tokens.push(token)
    if (token.kind === 'EOF') return tokens
    offset += token.text.length
  }
}

function readToken(text: string, offset: number): Token {
  const first = text.charAt(offset)
  if (first === '') return { kind: 'EOF', text: '', value: '', offset }
  const kind = punctuation[first]
  if (kind !== undefined) return { kind, text: first, value: first, offset }
  if (first === '"') return readString(text, offset)
  if (first === '<') return readHeredoc(text, offset)
  return readNumber(text, offset) ?? readIdentifier(text, offset) ?? illegal(text, offset)
}

function illegal(text: string, offset: number): never {
  throw fault(
    text,
    offset,
    text.startsWith('/*', offset) ? 'comment not terminated' : 'illegal char',
  )
}

function readIdentifier(text: string, offset: number): Token | undefined {
  const word = matchAt(identifier, text, offset)?.[0]
  if (word === undefined) return undefined
  if (word === 'true' || word === 'false')
    return { kind: 'BOOL', text: word, value: word === 'true', offset }
  return { kind: 'IDENT', text: word, value: word, offset }
}

/** Decimal, `0x` hexadecimal and `0` octal whole numbers, and decimal fractions. */
function readNumber(text: string, offset: number): Token | undefined {
  const match = matchAt(number, text, offset)
  if (match === undefined) return undefined
  const [literal, fraction, exponent] = match
  const sign = literal.startsWith('-') ? -1 : 1
  const digits = literal.replace('-', '')
  if (fraction !== undefined || exponent !== undefined)
    return { kind: 'FLOAT', text: literal, value: Number(literal), offset }
  if (/^0\d/.test(digits)) {
    if (/[89]/.test(digits)) throw fault(text, offset, `illegal octal number: ${literal}`)
    return { kind: 'NUMBER', text: literal, value: sign * Number.parseInt(digits, 8), offset }
  }
  return { kind: 'NUMBER', text: literal, value: sign * Number(digits), offset }
}

const simpleEscapes: Readonly<Record<string, string>> = {
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
const numericEscape = /x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})/y

/** What is between `${` and its `}` is not for us: it is kept as it stands, quotes and all. */
function readString(text: string, offset: number): Token {
  let value = ''
  let at = offset + 1
  for (;;) {
    const character = text.charAt(at)
    if (character === '"') break
    if (character === '' || character === '\n') throw fault(text, offset, 'literal not terminated')
    if (text.startsWith('${', at)) {
      const end = interpolationEnd(text, at)
      if (end === undefined) throw fault(text, offset, 'literal not terminated')
      value += text.slice(at, end)
      at = end
    } else if (character === '\\') {
      const [meaning, length] = readEscape(text, at)
      value += meaning
      at += length
    } else {
      value += character
      at += 1
    }
  }
  return { kind: 'STRING', text: text.slice(offset, at + 1), value, offset }
}

function interpolationEnd(text: string, start: number): number | undefined {
  let depth = 0
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1
    if (text[at] === '}') depth -= 1
    if (depth === 0) return at + 1
  }
  return undefined
}

function readEscape(text: string, at: number): readonly [meaning: string, length: number] {
  const simple = simpleEscapes[text.charAt(at + 1)]
  if (simple !== undefined) return [simple, 2]
  const match = matchAt(numericEscape, text, at + 1)
  const code = Number.parseInt(match?.[1] ?? match?.[2] ?? match?.[3] ?? '', 16)
  const point = match?.[4] === undefined ? code : Number.parseInt(match[4], 8)
  if (match === undefined || point > 0x10ffff) throw fault(text, at, 'illegal char escape')
  return [String.fromCodePoint(point), 1 + match[0].length]
}

/**
 * `<<WORD` up to a line that is only WORD; the last newline belongs to the text. `<<-WORD` also takes the closing line's
 * indentation off every line, if every line has it.
 */
function readHeredoc(text: string, offset: number): Token {
  const start = matchAt(heredocStart, text, offset)
  if (start === undefined) throw fault(text, offset, 'zero-length heredoc anchor')
  const [head, dash, word = ''] = start
  const bodyStart = offset + head.length
  const closing = new RegExp(`^([ \\t]*)${word}[ \\t]*$`, 'mu')
  const close = closing.exec(text.slice(bodyStart).replaceAll('\r', ' '))
  if (close === null) throw fault(text, offset, 'heredoc not terminated')
  const [line, indent = ''] = close
  const body = text.slice(bodyStart, bodyStart + close.index)
  const end = bodyStart + close.index + line.trimEnd().length
  const value = dash === '-' ? unindent(body, indent) : body
  return { kind: 'HEREDOC', text: text.slice(offset, end), value, offset }
}

function unindent(body: string, indent: string): string {
  const lines = body.split('\n')
  const bodyLines = lines.slice(0, -1)
  if (!bodyLines.every((line) => line.startsWith(indent))) return body
  return lines.map((line) => line.slice(indent.length)).join('\n')
}

function matchAt(pattern: RegExp, text: string, offset: number): RegExpExecArray | undefined {
  pattern.lastIndex = offset
  return pattern.exec(text) ?? undefined
}

function fault(text: string, offset: number, message: string): SyntaxFault {
  return new SyntaxFault(message, positionAt(text, offset))
}
