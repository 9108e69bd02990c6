import fc from 'fast-check'
import t from 'tap'

import { compilePattern } from '../../../server/filter/pattern.ts'

/** Patterns that RE2 and JavaScript read alike, so that JavaScript's engine can judge ours. */
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      'a',
      'b',
      'é',
      '\n',
      '[ab]',
      '[^a]',
      '[a-c]',
      '^',
      '$',
      String.raw`\d`,
      String.raw`\b`,
      '(?:)',
    ),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => left + right),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(${left}|${right})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'))
      .map(([part, times]) => `(?:${part})${times}`),
    tie('pattern').map((part) => `(?i:${part})`),
  ),
}))
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', 'B', 'é', 'É', '1', '\n', ' '),
  maxLength: 12,
})

t.test('finds what JavaScript finds', async () => {
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      t.equal(compilePattern(pattern)(text), RegExp(pattern, 'u').test(text))
    }),
    { numRuns: 500 },
  )
})

t.test('reads what only RE2 writes', async (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a(?i)b|c', 'aB', true],
    ['a(?i)b|c', 'C', true],
    ['(a(?i)b)c', 'aBC', false],
    ['(?i)a(?-i)b', 'AB', false],
    ['(?i)a+', 'xAA', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^b$', 'a\nb\nc', false],
    ['a.b', 'a\nb', false],
    ['(?s)a.b', 'a\nb', true],
    [String.raw`\Qa.b\E$`, 'a.b', true],
    [String.raw`\Qa.b\E$`, 'axb', false],
    ['[[:alpha:]_]+[[:^alpha:]]', 'ab1', true],
    [String.raw`[^\d\s]`, '1 2', false],
    [String.raw`\p{Greek}\PL`, 'λ1', true],
    [String.raw`\x41\x{1F600}\103`, 'A😀C', true],
    ['(?P<name>a){2}', 'aa', true],
    [String.raw`\Aab\z`, 'ab', true],
    [String.raw`\Aab\z`, 'ab\n', false],
    ['a{,2}', 'a{,2}', true],
    ['', '', true],
  ]
  for (const [pattern, text, found] of cases)
    t.equal(compilePattern(pattern)(text), found, `${pattern} in ${JSON.stringify(text)}`)
})

t.test(
  'takes time in proportion to the text, where a backtracking engine would take for ever',
  async (t) => {
    t.notOk(compilePattern('^(a+)+$')(`${'a'.repeat(2000)}!`))
    t.notOk(compilePattern('(a|aa)+$')(`${'a'.repeat(2000)}!`))
    t.notOk(compilePattern('(a?){50}a{50}b')('a'.repeat(2000)))
  },
)

t.test('refuses a pattern that would become too long a program', async (t) => {
  t.throws(() => compilePattern('(a{30}b{30}){30}'.repeat(12)), /expression too large/)
  t.throws(() => compilePattern(`${'('.repeat(2000)}a${')'.repeat(2000)}`), /nests too deeply/)
  t.throws(() => compilePattern('[[:constructor:]]'), /invalid character class range/)
  t.throws(() => compilePattern('(?i'), /invalid or unsupported Perl syntax: `\(\?i`/)
})
