import { posix } from 'node:path'

import fc from 'fast-check'
import t from 'tap'

import { Parameters } from '../../../api/plugins/parameters.ts'
import { clean, escapePath, examine, isPlain } from '../../../api/plugins/path.ts'
import { escapePercent, unescapePercent } from '../../../api/plugins/percent.ts'
import { encodePlainJson } from '../../../server/model/json.ts'

const options = { filterUnprintable: true }
const segment = fc.oneof(
  fc.constantFrom('', '.', '..', 'a', 'a.b', '.hidden', '...', '%2F', '%2e%2E', 'ä', ' '),
  fc.string({ maxLength: 3 }),
)

t.test('a plain path is one that examination would leave alone', (t) => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
      const url = `/${segments.join('/')}`
      if (!isPlain(url)) return true
      const arrival = examine(url, options)
      if (arrival.kind !== 'route') return false
      const [path = '', ...query] = url.split('?')
      const [sent = '', ...sentQuery] = arrival.url.split('?')
      return decodeURIComponent(sent) === path && sentQuery.join('?') === query.join('?')
    }),
    { numRuns: 2000, verbose: true },
  )
  t.ok(isPlain('/v1/kv/a:b,c=d?x=%zz#y'))
  for (const url of [
    '/v1//kv',
    '/v1/../kv',
    '/v1/.x',
    '/v1/%41',
    '/v1/ä',
    '/v1/a b',
    '/v1/a#b',
    'v1',
    '*',
    '',
  ])
    t.equal(isPlain(url), url === '', `"${url}"`)
  t.end()
})

t.test('cleaning is that of path.Clean, with the closing slash kept', (t) => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const path = `/${segments.join('/')}`
      const cleaned = clean(path)
      return (
        cleaned === posix.normalize(path).replace(/\/\.\.?$/, '/') && clean(cleaned) === cleaned
      )
    }),
    { numRuns: 2000, verbose: true },
  )
  t.end()
})

t.test('an escaped path leads back to itself', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      (text) => decodeURIComponent(escapePath(text)) === text,
    ),
    { verbose: true },
  )
  t.end()
})

t.test('bytes that are no character stay apart, and come back as they were', (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text)),
    fc.constantFrom(Buffer.from('\ufdd0\ufdd8'), Buffer.from('\ufdcf\ufde8')),
  )
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 3 }), (pieces) => {
      const whole = Buffer.concat(pieces)
      const escaped = Array.from(whole, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      const text = unescapePercent(escaped) ?? ''
      // It is text that a log can keep, and nothing else comes out as these bytes do.
      if (!text.isWellFormed()) return false
      const again = escapePercent(text).replace(/%(..)|(.)/g, (_, hex?: string, plain?: string) =>
        plain === undefined ? `%${hex?.toLowerCase()}` : `%${plain.charCodeAt(0).toString(16)}`,
      )
      return again === escaped
    }),
    { numRuns: 5000, verbose: true },
  )
  t.equal(unescapePercent('a%C3%BC%FF%c3'), `aü${unescapePercent('%ff')}${unescapePercent('%C3')}`)
  t.equal(unescapePercent('%f'), undefined)
  t.equal(encodePlainJson([unescapePercent('%fe%C3%BC')]), '["\\ufffdü"]')
  t.end()
})

t.test('parameters are told again as Go tells them: sorted, each spelled in its one way', (t) => {
  const cases: readonly [string, string][] = [
    ['recurse&cas=1', 'cas=1&recurse='],
    ['cas=2&cas=1&acquire=%ff&a=', 'a=&acquire=%FF&cas=2&cas=1'],
    ["a=a%20b/c~&b=%c3%bc!*'()", 'a=a+b%2Fc~&b=%C3%BC%21%2A%27%28%29'],
    ['recurse&cas=1;dc=dc1&%ff=1', 'cas=1&dc=dc1&recurse=&%FF=1'],
    ['', ''],
  ]
  for (const [text, encoded] of cases) t.equal(new Parameters(text).encode(), encoded)
  t.end()
})
