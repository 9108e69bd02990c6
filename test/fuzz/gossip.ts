import { parseArgs } from 'node:util'

import { seededChance } from '../../server/runtime/chance.ts'
import { type Tally, fuzz } from './campaign.ts'
import { gossipTargets } from './gossip-targets.ts'

/**
 * Feeds the gossip wire millions of inputs that nobody would send.
 *
 *   npm run fuzz:gossip -- --millions 10 [--seed 1] [--target packet]
 *
 * Ends with 1 at the first finding, and prints the input; the same seed finds it again. What the process takes of memory is told
 * before and after each target: seeds are decoded and code is compiled in the first, and it must not grow from there.
 */
const { values } = parseArgs({
  options: {
    millions: { type: 'string', default: '1' },
    seed: { type: 'string' },
    target: { type: 'string' },
  },
})

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
const targets = gossipTargets().filter(({ name }) => name === (values.target ?? name))
const inputs = Math.ceil((Number(values.millions) * 1e6) / targets.length)
const startMs = performance.now()
process.stdout.write(
  `seed ${seed}, ${inputs} inputs for each of ${targets.length} targets, ${memory()}\n`,
)

for (const target of targets) {
  const tally = fuzz(target, inputs, seededChance(seed))
  process.stdout.write(`${describe(target.name, tally)}\n`)
  if (tally.finding !== undefined) {
    process.exitCode = 1
    break
  }
}
const tookS = Math.round((performance.now() - startMs) / 1000)
process.stdout.write(`${targets.length * inputs} inputs in ${tookS} s, ${memory()}\n`)

function memory(): string {
  const { rss, heapUsed } = process.memoryUsage()
  return `${Math.round(rss / 1e6)} MB resident, ${Math.round(heapUsed / 1e6)} MB of it in use`
}

function describe(name: string, { finding, outcomes, slowest, tookMs }: Tally): string {
  if (finding !== undefined)
    return `${name}: ${finding.error.stack ?? finding.error.message}\n${finding.input}`
  const counts = [...outcomes].toSorted(([, a], [, b]) => b - a)
  return [
    `${name}: ${Math.round(inputs / tookMs)} thousand a second, slowest ${slowest.tookMs.toFixed(1)} ms (${slowest.sizeBytes} bytes); ${memory()}`,
    ...counts.map(([outcome, count]) => `  ${String(count).padStart(9)} ${outcome}`),
  ].join('\n')
}
