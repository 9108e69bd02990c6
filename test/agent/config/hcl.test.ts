import fc from 'fast-check'
import t from 'tap'

import { SyntaxFault } from '../../../agent/config/document.ts'
import type { Document, DocumentObject, DocumentValue } from '../../../agent/config/document.ts'
import { readHcl } from '../../../agent/config/hcl/value.ts'
import { readJson } from '../../../agent/config/json.ts'

t.test('HCL 1 is read as Consul reads it', async (t) => {
  const cases: readonly [text: string, value: DocumentObject][] = [
    ['', {}],
    ['a = 1', { a: 1 }],
    ['a = 1 b = 2', { a: 1, b: 2 }],
    [
      'a = -1 b = 0x1F c = 017 d = 1.5 e = -2.5e3 f = 1E2',
      { a: -1, b: 31, c: 15, d: 1.5, e: -2500, f: 100 },
    ],
    ['a = true b = false', { a: true, b: false }],
    ['# one\na = 1 // two\n/* three\n = */ b = 2 /**/', { a: 1, b: 2 }],
    ['acl = { tokens { x = "y" } }', { acl: { tokens: { x: 'y' } } }],
    ['upstreams { a = 1  b = 2 }', { upstreams: { a: 1, b: 2 } }],
    ['a { b = 1, c = 2, }', { a: { b: 1, c: 2 } }],
    ['check { a = 1 } check { a = 2 }', { check: [{ a: 1 }, { a: 2 }] }],
    ['a = [1] a = [2, 3]', { a: [1, 2, 3] }],
    ['a = [{ b = 1 }] a { b = 2 }', { a: [{ b: 1 }, { b: 2 }] }],
    ['a = "x" a = "y"', { a: 'y' }],
    ['a = [1, "two", true, [3], { b = 4 },]', { a: [1, 'two', true, [3], { b: 4 }] }],
    ['service "web" "v1" { port = 1 }', { service: { web: { v1: { port: 1 } } } }],
    [
      'key "a" { policy = "read" } key "b" { policy = "write" }',
      { key: [{ a: { policy: 'read' } }, { b: { policy: 'write' } }] },
    ],
    [
      '"quoted key" = 1 with-dash = 2 with.dot = 3 ünï = 4',
      { 'quoted key': 1, 'with-dash': 2, 'with.dot': 3, ünï: 4 },
    ],
    ['a = "\\n\\t\\"\\\\ \\x41 \\u00e4 \\U0001F600 \\101"', { a: '\n\t"\\ A ä 😀 A' }],
    ['a = "x ${foo("bar")} y"', { a: 'x ${foo("bar")} y' }],
    ['a = <<EOF\nx\n  y\nEOF\nb = 1', { a: 'x\n  y\n', b: 1 }],
    ['a = <<-EOF\n    x\n      y\n    EOF\n', { a: 'x\n  y\n' }],
    ['a = <<-EOF\n  x\n y\n  EOF\n', { a: '  x\n y\n' }],
    ['a = <<EOF\r\nx\r\nEOF\r\nb = 1', { a: 'x\r\n', b: 1 }],
    ['a = <<EOF\nEOF', { a: '' }],
    ['__proto__ = 1', JSON.parse('{"__proto__":1}') as DocumentObject],
  ]
  for (const [text, value] of cases) t.strictSame(readHcl(text).value, value, text)
})

t.test('mistakes in HCL say where they are, in HCL’s words', async (t) => {
  const cases: readonly [text: string, error: string, line: number, column: number][] = [
    ['= 3', 'no object keys found!', 1, 1],
    ['a b = 1', 'nested object expected: LBRACE got: ASSIGN', 1, 5],
    ['a b', "key 'a b' expected start of object ('{') or assignment ('=')", 1, 4],
    ['{ }', 'expected: IDENT | STRING got: LBRACE', 1, 1],
    ['a {', 'object expected closing RBRACE got: EOF', 1, 4],
    ['a = 1\n]', 'expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACK', 2, 1],
    ['a = 1\n  9x = 1', 'expected: IDENT | STRING | ASSIGN | LBRACE got: NUMBER', 2, 3],
    ['a = tru', 'Unknown token: 1:5 IDENT tru', 1, 5],
    ['a =', 'Unknown token: 1:4 EOF', 1, 4],
    ['a = [1 2]', 'error parsing list, expected comma or list end, got: NUMBER', 1, 8],
    ['a = [1, 2', 'error parsing list, expected comma or list end, got: EOF', 1, 10],
    ['a = [ x ]', 'unexpected token while parsing list: IDENT', 1, 7],
    ['a = @', 'illegal char', 1, 5],
    ['a = 1\n/* x', 'comment not terminated', 2, 1],
    ['a = "x\ny"', 'literal not terminated', 1, 5],
    ['a = "${x"', 'literal not terminated', 1, 5],
    ['a = "\\q"', 'illegal char escape', 1, 6],
    ['a = 08', 'illegal octal number: 08', 1, 5],
    ['a = <<EOF\nx', 'heredoc not terminated', 1, 5],
    ['a = << EOF', 'zero-length heredoc anchor', 1, 5],
    [`a = ${'['.repeat(100)}`, 'nested deeper than 64 levels', 1, 69],
  ]
  for (const [text, error, line, column] of cases)
    t.strictSame(
      faultOf(() => readHcl(text)),
      { error, line, column },
      text,
    )
})

t.test('JSON is read, and its mistakes are worded as by Go', async (t) => {
  t.strictSame(readJson('').value, {})
  t.strictSame(
    readJson(' {"a": [1, -2.5e1, "\\u00e4\\n", true, false, null, {}], "b": {}} ').value,
    {
      a: [1, -25, 'ä\n', true, false, null, {}],
      b: {},
    },
  )
  const cases: readonly [text: string, error: string, line: number, column: number][] = [
    ['{"a" 1}', "invalid character '1' after object key", 1, 6],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair", 1, 8],
    ['{"a":[1 2]}', "invalid character '2' after array element", 1, 9],
    ['{"a":tru}', "invalid character '}' in literal true (expecting 'e')", 1, 9],
    ['{"a":"\\q"}', "invalid character 'q' in string escape code", 1, 8],
    ['{"a":"\\u12x4"}', "invalid character 'x' in \\u hexadecimal character escape", 1, 11],
    ['{"a":"\n"}', "invalid character '\\n' in string literal", 1, 7],
    ['{"a":1,\n}', "invalid character '}' looking for beginning of object key string", 2, 1],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1, 2],
    ['{"a":}', "invalid character '}' looking for beginning of value", 1, 6],
    ['{"a":01}', "invalid character '1' after object key:value pair", 1, 7],
    ['{} x', "invalid character 'x' after top-level value", 1, 4],
    ['{"a":1', 'unexpected end of JSON input', 1, 7],
    ['{"a":"x', 'unexpected end of JSON input', 1, 8],
    ['[]', 'json: cannot unmarshal array into Go value of type map[string]interface {}', 1, 1],
    [`{"a":${'['.repeat(100)}`, 'nested deeper than 64 levels', 1, 70],
  ]
  for (const [text, error, line, column] of cases)
    t.strictSame(
      faultOf(() => readJson(text)),
      { error, line, column },
      text,
    )
})

t.test('every value knows where it was written', async (t) => {
  const hcl = readHcl('a = 1\nb {\n  c = [1,\n   2]\n}\nd { x = 1 }\nd { x = 2 }')
  t.strictSame(hcl.positions.at(['b', 'c']), { line: 3, column: 3 })
  t.strictSame(hcl.positions.at(['b', 'c', 1]), { line: 4, column: 4 })
  t.strictSame(hcl.positions.at(['d', 1, 'x']), { line: 7, column: 5 })
  const json = readJson('{"a": 1,\n "b": [{"c": 2}]}')
  t.strictSame(json.positions.at(['b', 0, 'c']), { line: 2, column: 9 })
  t.equal(json.positions.at(['nobody']), undefined)
})

const key = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_-]{0,8}$/).filter((word) => !/^(true|false)$/.test(word)),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)
const scalar = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
)
const { tree } = fc.letrec<{ tree: DocumentObject; value: DocumentValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, tie('tree'), fc.array(tie('value'), { maxLength: 4 })),
  tree: fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
}))

t.test('what is written as HCL or JSON is read back', async (t) => {
  fc.assert(
    fc.property(tree, fc.boolean(), (value, oneLine) => {
      same(readHcl(writeItems(value, oneLine)), value)
      same(readJson(JSON.stringify(value)), value)
    }),
  )
  t.pass('for all trees')
})

t.test('no text makes the readers do anything but read or refuse', async (t) => {
  const fragment = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '=',
    ',',
    '"',
    '\\',
    '<<E\n',
    'E\n',
    '#',
    '/*',
    '*/',
    '${',
    'a',
    '1',
    '-',
    '.',
    '\n',
    ' ',
    'true',
    '0x',
  )
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      for (const read of [readHcl, readJson]) faultOf(() => read(fragments.join('')))
    }),
  )
  t.pass('for all texts')
})

function same(document: Document, value: DocumentObject): void {
  const [read, wrote] = [JSON.stringify(document.value), JSON.stringify(value)]
  if (read !== wrote) throw new Error(`read ${read}, wrote ${wrote}`)
}

function writeItems(object: DocumentObject, oneLine: boolean): string {
  return Object.entries(object)
    .map(([name, value]) => {
      const assign = typeof value === 'object' && !Array.isArray(value) && oneLine ? '' : '='
      return `${writeString(name)} ${assign} ${writeValue(value, oneLine)}`
    })
    .join(oneLine ? ' ' : '\n')
}

function writeValue(value: DocumentValue, oneLine: boolean): string {
  if (typeof value === 'string') return writeString(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value)
    ? `[${value.map((item: DocumentValue) => writeValue(item, oneLine)).join(', ')}]`
    : `{ ${writeItems(value as DocumentObject, oneLine)} }`
}

/** With a dollar as an escape, so that it begins no interpolation. */
function writeString(text: string): string {
  return JSON.stringify(text).replaceAll('$', '\\x24')
}

function faultOf(read: () => Document): unknown {
  try {
    return read().value
  } catch (thrown) {
    if (!(thrown instanceof SyntaxFault)) throw thrown
    return { error: thrown.message, ...thrown.position }
  }
}
