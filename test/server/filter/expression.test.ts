import fc from 'fast-check'
import t from 'tap'

import { type Expression, type Match, printExpression } from '../../../server/filter/expression.ts'
import { parseExpression } from '../../../server/filter/parser.ts'

const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_]{0,6}$/)
const selector = fc
  .tuple(
    name,
    fc.array(fc.oneof(name, fc.string({ unit: 'grapheme', maxLength: 6 })), { maxLength: 3 }),
  )
  .map(([first, rest]) => [first].concat(rest))
const match: fc.Arbitrary<Match> = fc.oneof(
  fc.record({
    kind: fc.constant('match'),
    selector,
    operator: fc.constantFrom('Equal', 'Not Equal', 'In', 'Not In', 'Matches', 'Not Matches'),
    value: fc.string({ unit: 'grapheme', maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant('match'),
    selector,
    operator: fc.constantFrom('Is Empty', 'Is Not Empty'),
  }),
)
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    match,
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      left: tie('expression'),
      right: tie('expression'),
    }),
    fc.record({ kind: fc.constant('not'), operand: tie('expression') }),
  ),
}))

t.test('what is printed parses back to the same expression', async () => {
  fc.assert(
    fc.property(expression, (original) => {
      t.same(parseExpression(printExpression(original)), original)
    }),
  )
})

t.test('"not" binds closest, then "and", then "or", and parentheses before all', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['A == 1 or B == 2 and C == 3', 'A == "1" or (B == "2" and C == "3")'],
    ['A == 1 and B == 2 or C == 3', '(A == "1" and B == "2") or C == "3"'],
    ['not A == 1 and B == 2', '(not A == "1") and B == "2"'],
    ['(A == 1 or B == 2) and C == 3', '(A == "1" or B == "2") and C == "3"'],
    ['A == 1 or B == 2 or C == 3', 'A == "1" or (B == "2" or C == "3")'],
    ['not not A == 1', 'not (not A == "1")'],
  ]
  for (const [text, grouped] of cases) t.equal(printExpression(parseExpression(text)), grouped)
})

t.test('one comparison has several spellings', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['x in A', 'A contains "x"'],
    ['"x y"  not  in A.b', 'A.b not contains "x y"'],
    ['A["b"]==`"`', String.raw`A.b == "\x22"`],
    ['A["b-c"]!=d.e', 'A["b-c"] != "d.e"'],
    ['A is not empty', 'A is not empty'],
    [String.raw`A == "\u00e9\n\x41\101"`, String.raw`A == "é\nAA"`],
  ]
  for (const [text, plain] of cases) t.equal(printExpression(parseExpression(text)), plain)
})
