import type { Cell, Experiment } from '../experiment.ts'
import { lineChart } from '../line-chart.ts'
import type { Method } from '../measures.ts'
import { configOf, load, simulate, verdicts } from '../measures.ts'
import { lossy } from '../network.ts'
import { mean, rate } from './columns.ts'

export const size: Experiment = {
  name: 'size',
  question:
    'What does a member send when nothing happens, and does it depend on how many there are?',
  members: 10_000,
  cells: (membersMax) =>
    [100, 300, 1000, 3000, 10_000]
      .filter((members) => members <= membersMax)
      .map((members) => quiet('praetor', members)),
  columns: [
    mean('datagrams/s', 'packetsPerS'),
    mean('kB/s in datagrams', 'datagramKBPerS', 3),
    mean('kB/s in push/pulls', 'pushPullKBPerS'),
    mean('kB/s in other streams', 'streamKBPerS', 3),
    rate('suspicions', 'suspicions'),
  ],
  chart: lineChart({
    title: 'What a member sends in datagrams',
    x: 'members',
    y: 'kB/s',
    measure: 'datagramKBPerS',
    isLogarithmic: true,
  }),
}

function quiet(method: Method, members: number): Cell {
  return {
    method,
    at: members,
    label: `${members} members`,
    run: (seed) => {
      const config = configOf(method)
      const run = { seed, members, config, weather: lossy(0.01), seconds: 60 }
      const pool = simulate(run, () => {})
      return { ...verdicts(pool), ...load(pool) }
    },
  }
}
