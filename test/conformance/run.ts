/**
 * Asks Consul and Praetor the same questions and compares their answers: `npm run test:consul`.
 *
 * The options of peer-options.ts, of which `--only` takes whole families of steps and prints only the steps that it names, and
 *
 *     --server            both with a data directory, as they run in production, instead of -dev
 *
 * Exits with 1 if anything differs that `explained.ts` does not name.
 */
import { parseArgs } from 'node:util'

import { type Difference, differencesIn, printDifference } from './difference.ts'
import { observe } from './observe.ts'
import { peerOptions, peerPair } from './peer-options.ts'
import { startPeer } from './peer.ts'
import { families } from './steps.ts'

const { values: options } = parseArgs({
  options: { ...peerOptions(22_010), server: { type: 'boolean', default: false } },
})

const mode = options.server ? 'server' : 'dev'
const pair = peerPair(options)
const began = performance.now()

await using oracle = await startPeer(pair.oracle, pair.oraclePort, mode)
await using subject = await startPeer(pair.subject, pair.subjectPort, mode)

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
