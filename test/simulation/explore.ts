import { parseArgs } from 'node:util'

import { search } from './search.ts'

/**
 * Visits every state of a small cluster: `npm run sim:explore -- --terms 3 --entries 3 --crashes 2`. It holds what it has seen in
 * memory, and stops after `--states`.
 */
const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '3' },
    terms: { type: 'string', default: '3' },
    entries: { type: 'string', default: '3' },
    crashes: { type: 'string', default: '2' },
    beats: { type: 'string', default: '1' },
    states: { type: 'string', default: '200000' },
  },
})

const startedMs = performance.now()
const found = search(
  {
    servers: Number(values.servers),
    termMax: Number(values.terms),
    entriesMax: Number(values.entries),
    crashesMax: Number(values.crashes),
    beatsMax: Number(values.beats),
  },
  Number(values.states),
  (depth, states) => console.log(`depth ${depth}: ${states.toLocaleString('en')} states`),
)
const seconds = (performance.now() - startedMs) / 1000
const reach = found.isWhole ? 'all there are' : `all within ${found.depth} steps, and some further`
console.log(
  `${found.states.toLocaleString('en')} states (${reach}), ${found.transitions.toLocaleString('en')} transitions, ` +
    `${found.committedMax} entries committed at most, in ${seconds.toFixed(1)} s`,
)
if (found.violation !== null) {
  process.exitCode = 1
  console.log(`${found.violation.text}\nafter:\n${found.violation.path.join('\n')}`)
}
