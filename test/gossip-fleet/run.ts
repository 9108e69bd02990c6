import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { shuffled, systemChance } from '../../server/runtime/chance.ts'
import { quantile } from '../gossip-simulation/statistics.ts'
import { detectionIn, forecast, settleS } from './detection.ts'
import type { Detection } from './detection.ts'
import { Fleet } from './fleet.ts'
import { pauseOne } from './pause.ts'

/**
 * As much gossip as that of many agents, on real sockets: how soon do all notice who is gone, against what the simulation says, and
 * does anybody else suffer? Then one process is stopped for a while, and for good.
 *
 *   npm run test:gossip-fleet -- [--members 200] [--processes 4] [--end 20] [--rounds 5] [--seeds 20]
 *
 * Ends with 1 where an innocent failed, where somebody saw another thing than the rest, where it took more than 1.2 times what the
 * simulation says, where a member that stood still for 5 s was given up, or one that stands still for good was not within 12 s.
 */
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '200' },
    processes: { type: 'string', default: '4' },
    end: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    seeds: { type: 'string', default: '20' },
  },
})
const [members, processes, ending, rounds, seeds] = [
  Number(values.members),
  Number(values.processes),
  Number(values.end),
  Number(values.rounds),
  Number(values.seeds),
]
const ratioMax = 1.2
const givenUpWithinS = 12

const faults: string[] = []
const found: Detection[] = []
for (let round = 1; round <= rounds; round += 1) found.push(await endSome(round))
compare(found, forecast(members, ending, seeds))

const pause = await pauseOne({ processes: 2, membersEach: 10, pauseMs: 5000 })
console.log(
  `of 22, one stood still for 5 s: ${pause.suspecting} suspected it, ${pause.failing} gave it up; another stood still for good: all had given it up after ${pause.givenUpS.toFixed(1)} s`,
)
if (pause.failing > 0) faults.push('a member that stood still for 5 s was given up')
if (pause.givenUpS > givenUpWithinS) faults.push(`it took more than ${givenUpWithinS} s`)
if (pause.innocents > 0) faults.push('others failed beside it')
for (const fault of faults) console.log(`NOT AS IT SHOULD BE: ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1

async function endSome(round: number): Promise<Detection> {
  const each = Math.ceil(members / processes)
  const sizes = Array.from({ length: processes }, (_, at) => Math.min(each, members - at * each))
  await using fleet = await Fleet.start(sizes)
  const convergedMs = await fleet.converge()
  await sleep(settleS * 1000)
  const doomed = shuffled(fleet.names, systemChance).slice(0, ending)
  const settled = await fleet.look()
  const ended = await fleet.end(doomed)
  const isSeen = (name: string): boolean => fleet.seen('failed', name).length >= members - ending
  await fleet.until(() => doomed.every(isSeen), 60_000)
  const verdictsMs = doomed.flatMap((name) => fleet.seen('failed', name)).map(({ atMs }) => atMs)
  const allMs = Math.max(...verdictsMs) - Math.min(...ended.values())

  const { views, stallMs } = await fleet.look()
  const wrong = views.filter(
    ({ alive, failed }) =>
      alive.length !== members - ending ||
      failed.length !== ending ||
      !failed.every((name) => ended.has(name)),
  )
  const innocents = fleet.seen('failed').filter(({ of }) => !ended.has(of)).length
  const accused = new Set(fleet.seen('suspected').flatMap(({ of }) => (ended.has(of) ? [] : [of])))
    .size
  const seconds = [convergedMs, allMs].map((ms) => (ms / 1000).toFixed(1))
  const unwell = settled.views.filter(({ healthScore }) => healthScore > 0).length
  const stalls = [settled.stallMs, stallMs].map((ms) => ms.toFixed(0))
  console.log(
    `round ${round}: ${members} saw each other after ${seconds[0]} s; ${ending} ended, all others saw exactly those after ${seconds[1]} s; ${accused} innocents suspected, ${innocents} failed; ${unwell} were unwell before; processes stood still for up to ${stalls[0]} ms before and ${stalls[1]} ms after`,
  )
  if (wrong.length > 0) faults.push(`round ${round}: ${wrong.length} saw another thing`)
  if (innocents > 0) faults.push(`round ${round}: ${innocents} innocents failed`)
  return detectionIn(fleet, ended)
}

function compare(live: readonly Detection[], simulated: Detection): void {
  const rows: readonly (readonly [title: string, name: keyof Detection])[] = [
    ['first suspicion', 'suspected'],
    ['first failed', 'failed'],
    ['failed everywhere', 'everywhere'],
  ]
  console.log(
    `\n| seconds | p50 | simulated | p99 | simulated | ratio of p99 |\n|---|---|---|---|---|---|`,
  )
  for (const [title, name] of rows) {
    const times = live.flatMap((one) => one[name])
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)]
    const [p50Simulated, p99Simulated] = [0.5, 0.99].map((part) => quantile(simulated[name], part))
    const ratio = p99 / (p99Simulated ?? Number.NaN)
    const cells = [p50, p50Simulated, p99, p99Simulated, ratio].map((value) => value?.toFixed(2))
    console.log(`| ${[title, ...cells].join(' | ')} |`)
    if (!(ratio <= ratioMax)) faults.push(`${title}: ${ratio.toFixed(2)} of what is simulated`)
  }
  console.log(
    `of ${live.length * ending} that ended in ${live.length} rounds, and ${simulated.failed.length} in ${seeds} seeds\n`,
  )
}
