import t from 'tap'

import type { Bounds } from './exploration/bounds.ts'
import { search } from './exploration/search.ts'

const small = { servers: 3, termMax: 2, entriesMax: 1, preVotes: 'granted' } as const

/** Seconds each; `npm run sim:explore` goes further. */
const bounds: readonly (readonly [what: string, bounds: Bounds])[] = [
  ['two elections, crashes and a slow disk', { ...small, termMax: 3, crashes: 1, delays: 1 }],
  ['crashes and disks as slow as they like', { ...small, entriesMax: 2, crashes: 1 }],
  ['pre-votes that are asked', { ...small, preVotes: 'asked', crashes: 1, delays: 0 }],
  ['reads, with crashes', { ...small, reads: 1, crashes: 1, delays: 0 }],
  ['leaders that go', { ...small, resignations: 1, crashes: 1, delays: 0 }],
  ['leaders that hand over', { ...small, termMax: 3, transfers: 1, delays: 0 }],
  ['members that go and come', { ...small, changes: 2, delays: 0 }],
]

for (const [what, within] of bounds)
  t.test(`nothing that can happen to three servers is wrong: ${what}`, async (t) => {
    const found = search(within, 200_000)
    t.equal(found.violation, null)
    t.ok(found.isWhole, `${found.worlds} worlds, and these are all`)
    t.ok(found.worlds > 500 && found.committedMax >= 2, `${found.committedMax} entries committed`)
  })

t.test('what a search leaves out is covered by what it visits', async (t) => {
  const cases: Bounds[] = [
    { ...small, crashes: 1 },
    { ...small, delays: 0, reads: 1 },
    { ...small, delays: 1, beats: 1 },
    { ...small, servers: 2, termMax: 3, entriesMax: 2, crashes: 1, delays: 1 },
    { ...small, servers: 2, preVotes: 'asked', delays: 1 },
    { ...small, servers: 2, termMax: 3, changes: 1, transfers: 1, delays: 0 },
  ]
  for (const within of cases) {
    const [found, plain] = [search(within, 1e6), search({ ...within, isPlain: true }, 1e6)]
    t.ok(found.isWhole && plain.isWhole, JSON.stringify(within))
    t.equal(found.clusters, plain.clusters, `of ${plain.worlds} worlds ${found.worlds} are visited`)
    t.ok(found.worlds < plain.worlds)
  }
})
