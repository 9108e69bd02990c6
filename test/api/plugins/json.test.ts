import fc from 'fast-check'
import t from 'tap'

import { endOfValue, firstValue, MalformedJson } from '../../../api/plugins/go-json.ts'
import { decodeJson, encodeJson, escapeForGo, indentJson } from '../../../server/model/json.ts'

t.test('the first value of a body is read, whatever follows it', (t) => {
  fc.assert(
    fc.property(
      // Whole numbers beyond a double's are kept exactly, which is another test's.
      fc.json({ maxDepth: 6 }).filter((json) => !/\d{16}/.test(json)),
      fc.constantFrom('', ' ', '\n\t', ' trailing', ' {', ' ]'),
      (json, rest) => {
        const text = Buffer.from(json + rest)
        return (
          endOfValue(text) === Buffer.byteLength(json) &&
          JSON.stringify(firstValue(text)) === JSON.stringify(JSON.parse(json))
        )
      },
    ),
    { verbose: true },
  )
  t.end()
})

t.test('what JSON.parse refuses is refused, and nothing else', (t) => {
  const alphabet = [
    ...'{}[]:,"\\ \n0159.-+eEtrufalsn'.split(''),
    'true',
    'null',
    '"a"',
    '1.5',
    '\u0001',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      let value: unknown
      try {
        value = JSON.parse(text)
      } catch {
        // Then the text is either no JSON at all, or JSON with something after it.
        try {
          const end = endOfValue(Buffer.from(text))
          JSON.parse(text.slice(0, end))
          return end < text.length
        } catch (error) {
          return error instanceof MalformedJson
        }
      }
      return JSON.stringify(firstValue(Buffer.from(text))) === JSON.stringify(value)
    }),
    { numRuns: 2000, verbose: true },
  )
  t.end()
})

t.test('depth costs no stack', (t) => {
  t.equal(endOfValue(Buffer.from('['.repeat(1e5) + ']'.repeat(1e5) + 'x')), 2e5)
  t.throws(() => endOfValue(Buffer.from('['.repeat(1e5))), /unexpected EOF/)
  t.end()
})

t.test('indented JSON is what JSON.stringify would indent, with Go for the end of line', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const compact = JSON.stringify(value)
      return indentJson(compact) === `${JSON.stringify(JSON.parse(compact), null, 4)}\n`
    }),
    { verbose: true },
  )
  t.equal(
    indentJson('{"b":{},"10":[],"9":18446744073709551615}'),
    '{\n    "b": {},\n    "10": [],\n    "9": 18446744073709551615\n}\n',
  )
  t.end()
})

t.test('numbers of 64 bits survive, and characters are escaped as Go escapes them', (t) => {
  const text = '{"Flags":18446744073709551615,"x":9007199254740993,"y":1}'
  t.equal(encodeJson(decodeJson(text)), text)
  t.equal(
    encodeJson('<&>\u2028\b\f\\b\\f\n'),
    '"\\u003c\\u0026\\u003e\\u2028\\u0008\\u000c\\\\b\\\\f\\n"',
  )
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (s) => JSON.parse(escapeForGo(JSON.stringify(s))) === s,
    ),
  )
  t.end()
})
