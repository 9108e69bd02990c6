/**
 * Asks Consul and Praetor the same questions and compares their answers: `npm run test:consul`.
 *
 *     --oracle COMMAND    the Consul to compare with (default: $CONSUL, else `consul` on the PATH)
 *     --subject COMMAND   what is compared (default: this repository's agent)
 *     --only PATTERN      only the families of steps where a step's name has this in it; prints only those steps
 *     --port N            the first of ten ports (default 22010)
 *     --show              print what the oracle answers
 *     --server            both with a data directory, as they run in production, instead of -dev
 *
 * Exits with 1 if anything differs that `explained.ts` does not name.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { type Difference, differencesIn, printDifference } from './difference.ts'
import { observe } from './observe.ts'
import { startPeer } from './peer.ts'
import { families } from './steps.ts'

const { values: options } = parseArgs({
  options: {
    oracle: { type: 'string', default: process.env['CONSUL'] ?? 'consul' },
    subject: {
      type: 'string',
      default: `${process.execPath} ${join(import.meta.dirname, '../../agent/main.ts')}`,
    },
    only: { type: 'string', default: '' },
    port: { type: 'string', default: '22010' },
    show: { type: 'boolean', default: false },
    server: { type: 'boolean', default: false },
  },
})

const mode = options.server ? 'server' : 'dev'
const firstPort = Number(options.port)
const began = performance.now()

await using oracle = await startPeer(
  { label: 'oracle', command: options.oracle.split(' ') },
  firstPort,
  mode,
)
await using subject = await startPeer(
  { label: 'subject', command: options.subject.split(' ') },
  firstPort + 5,
  mode,
)

const counts = { steps: 0, explained: 0, unexplained: 0 }
for (const family of families) {
  const isAsked = (name: string): boolean => `${family.name}: ${name}`.includes(options.only)
  if (!family.steps.some(({ name }) => isAsked(name))) continue
  for (const step of family.steps) {
    const [expected, actual] = await Promise.all([observe(step, oracle), observe(step, subject)])
    if (!isAsked(step.name)) continue
    counts.steps += 1
    if (options.show) console.log(`${family.name}: ${step.name}`, expected)
    const failure = expected.get('failure')
    if (failure !== undefined) throw new Error(`the oracle failed ${step.name}: ${failure}`)
    print(differencesIn(family.name, step, expected, actual))
  }
}

if (counts.steps === 0) throw new Error(`no step has ${options.only} in its name`)
const seconds = ((performance.now() - began) / 1000).toFixed(1)
console.log(
  `${counts.steps} steps in ${seconds} s: ${counts.unexplained} differences, ${counts.explained} explained`,
)
process.exitCode = counts.unexplained === 0 ? 0 : 1

function print(differences: readonly Difference[]): void {
  const [first] = differences
  if (!first) return
  console.log(first.step)
  for (const difference of differences) {
    counts[difference.explanation ? 'explained' : 'unexplained'] += 1
    console.log(printDifference(difference))
  }
}
