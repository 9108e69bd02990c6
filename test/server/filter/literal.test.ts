import t from 'tap'

import { parseBoolean, parseInteger, quote, unquote } from '../../../server/filter/literal.ts'

t.test('strings are quoted as %q quotes them', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain é 😀', '"plain é 😀"'],
    ['"\\', String.raw`"\"\\"`],
    ['\x07\b\f\n\r\t\v\0\x7f', String.raw`"\a\b\f\n\r\t\v\x00\u007f"`],
    ['\u200b\u{e0001}', String.raw`"\u200b\U000e0001"`],
  ]
  for (const [text, quoted] of cases) t.equal(quote(text), quoted)
})

t.test('string literals mean what they mean in Go', async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['"a b"', 'a b'],
    [String.raw`"\xc3\xa9\u00e9\U0001F600\101"`, 'éé😀A'],
    [String.raw`"\""`, '"'],
    [String.raw`"\'"`, undefined],
    [String.raw`"\400"`, undefined],
    [String.raw`"\U00110000"`, undefined],
    [String.raw`"\x4"`, undefined],
    ['"a\nb"', undefined],
    ['`a\r\n\\n`', 'a\n\\n'],
    ['""', ''],
  ]
  for (const [literal, meant] of cases) t.equal(unquote(literal), meant, literal)
})

t.test('integers carry their base and fit in 64 bits', async (t) => {
  for (const [text, value] of [
    ['0', 0],
    ['-0x1F', -31],
    ['+0b101', 5],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000],
    ['0x_f', 15],
  ] as const)
    t.same(parseInteger(text), { ok: true, value }, text)
  for (const text of ['', '-', '08', '1__0', '_1', '1_', '0x', '1.5', 'x'])
    t.match(parseInteger(text), { ok: false, error: /: invalid syntax$/ }, text)
  t.ok(parseInteger('-9223372036854775808').ok)
  t.match(parseInteger('9223372036854775808'), { ok: false, error: /: value out of range$/ })
})

t.test('booleans are the words strconv knows', async (t) => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True'])
    t.same(parseBoolean(text), { ok: true, value: true })
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False'])
    t.same(parseBoolean(text), { ok: true, value: false })
  t.match(parseBoolean('tRUE'), {
    ok: false,
    error: 'strconv.ParseBool: parsing "tRUE": invalid syntax',
  })
})
