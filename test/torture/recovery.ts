import { electionMs } from './faults.ts'
import type { Loss, Record } from './record.ts'

/** How long it took, once a leader was lost, until a write was taken. */
export interface Recovery {
  readonly how: Loss
  readonly ms: number
  /** Other faults left too few servers to elect anybody, for a while. */
  readonly isHindered: boolean
}

type Seen = Pick<Record, 'accepted' | 'inflicted' | 'outages'>

/**
 * From each loss of a leader until a write that was asked for afterwards was acknowledged. If nobody could be elected meanwhile,
 * from when somebody could be again. Where the next leader was lost before that, only the later loss has a time.
 */
export function recoveries({ accepted, inflicted, outages }: Seen): Recovery[] {
  const losses = inflicted.flatMap(({ at, loss: how }) => (how === undefined ? [] : [{ at, how }]))
  return losses.flatMap(({ at, how }, position) => {
    const takenAt = accepted.reduce(
      (first, { calledAt, returnedAt }) =>
        calledAt >= at && returnedAt < first ? returnedAt : first,
      Infinity,
    )
    if (takenAt > (losses[position + 1]?.at ?? takenAt)) return []
    const outage = outages.findLast(({ from, until }) => from < takenAt && until > at)
    const from = outage === undefined ? at : Math.min(outage.until, takenAt)
    return takenAt === Infinity ? [] : [{ how, ms: takenAt - from, isHindered: from > at }]
  })
}

/**
 * The lines of the report. A leader counts as lost when it was killed, or stood still or was cut off for longer than any follower
 * waits before it campaigns.
 */
export function describeRecovery(seen: Seen): readonly string[] {
  const all = recoveries(seen)
  const lost = all.filter(({ how, isHindered }) => how !== 'started' && !isHindered)
  const rows: readonly (readonly [string, readonly Recovery[]])[] = [
    ['leader killed', lost.filter(({ how }) => how === 'killed')],
    ['leader paused', lost.filter(({ how }) => how === 'paused')],
    ['leader cut off', lost.filter(({ how }) => how === 'cut off')],
    ['leader lost, all of these', lost],
    [
      'and too few left, from when there were enough',
      all.filter(({ how, isHindered }) => how !== 'started' && isHindered),
    ],
    ['all servers started', all.filter(({ how }) => how === 'started')],
  ]
  const told = rows.filter(([, times]) => times.length > 0)
  if (told.length === 0) return ['no leader was lost']
  const width = Math.max(...told.map(([what]) => what.length))
  return [
    `until a write was taken, in election timeouts of ${electionMs} ms`,
    ...told.map(([what, times]) => `${what.padEnd(width)}  ${describe(times)}`),
  ]
}

function describe(recovered: readonly Recovery[]): string {
  const times = recovered.map(({ ms }) => ms / electionMs).toSorted((a, b) => a - b)
  const at = (fraction: number): string =>
    (times[Math.ceil(fraction * times.length) - 1] ?? Number.NaN).toFixed(2)
  return `median ${at(0.5)}, p90 ${at(0.9)}, worst ${at(1)} (${times.length} times)`
}
