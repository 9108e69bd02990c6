import { posix } from 'node:path'

import fc from 'fast-check'
import t from 'tap'

import { clean, escapePath, examine, isPlain } from '../../../api/plugins/path.ts'

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
