import { parseArgs } from 'node:util'

import type { Bounds } from './exploration/bounds.ts'
import { search, type Found } from './exploration/search.ts'
import { usualBounds } from './exploration/usual-bounds.ts'

/**
 * Visits everything that can happen to a small cluster, within bounds. Without options those of exploration/usual-bounds.ts, one after
 * the other; with some, for example `npm run sim:explore -- --terms 3 --entries 2 --crashes 1`, within these. What is bounded happens
 * so often and no more. `--delays` bounds how often a batch is not written at once; without it disks are as slow as they like. It stops
 * after `--worlds`.
 */
const { values } = parseArgs({
  options: {
    servers: { type: 'string' },
    terms: { type: 'string' },
    entries: { type: 'string' },
    'pre-votes': { type: 'string' },
    crashes: { type: 'string' },
    delays: { type: 'string' },
    beats: { type: 'string' },
    reads: { type: 'string' },
    resignations: { type: 'string' },
    transfers: { type: 'string' },
    changes: { type: 'string' },
    worlds: { type: 'string', default: '20000000' },
    brief: { type: 'boolean', default: false },
  },
})

const { brief, worlds, ...given } = values
const searches = Object.keys(given).length === 0 ? usualBounds : [boundsGiven()]
for (const bounds of searches) {
  console.log(print(bounds))
  const startedMs = performance.now()
  const found = search(bounds, Number(worlds), (sofar) => {
    if (!brief && searches.length === 1)
      console.log(`  depth ${sofar.depth}: ${describe(sofar, startedMs)}`)
  })
  const reach = found.isWhole
    ? 'all there are'
    : `all within ${found.depth} steps, and some further`
  console.log(`  ${describe(found, startedMs)}`)
  console.log(
    `  ${reach}; ${found.depth} steps deep, ${found.committedMax} entries committed at most`,
  )
  if (found.violation === null) continue
  process.exitCode = 1
  console.log(`${found.violation.text}\nafter:\n${found.violation.path.join('\n')}`)
  break
}

function boundsGiven(): Bounds {
  const number = (text: string | undefined, otherwise: number): number => Number(text ?? otherwise)
  return {
    servers: number(given.servers, 3),
    termMax: number(given.terms, 3),
    entriesMax: number(given.entries, 2),
    preVotes: given['pre-votes'] === 'asked' ? 'asked' : 'granted',
    crashes: number(given.crashes, 0),
    beats: number(given.beats, 0),
    reads: number(given.reads, 0),
    resignations: number(given.resignations, 0),
    transfers: number(given.transfers, 0),
    changes: number(given.changes, 0),
    ...(given.delays === undefined ? {} : { delays: Number(given.delays) }),
  }
}

function print({ entriesMax, preVotes, servers, termMax, ...others }: Bounds): string {
  const rest = Object.entries({ delays: 'any', ...others }).filter(
    ([what, times]) => times !== 0 || what === 'delays',
  )
  return [
    `${servers} servers, ${termMax} terms, ${entriesMax} entries, pre-votes ${preVotes}`,
    ...rest.map(([what, times]) => `${what} ${times}`),
  ].join(', ')
}

function describe(found: Found, startedMs: number): string {
  const { clusters, letters, servers, transitions, worlds } = found
  const count = (number: number): string => number.toLocaleString('en')
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  return (
    `${count(worlds)} worlds of ${count(clusters)} clusters, ${count(servers)} server states and ` +
    `${count(letters)} messages; ${count(transitions)} transitions, ${seconds} s`
  )
}
