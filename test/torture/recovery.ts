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
 * Those in which the others had it in their hands. A leader counts as lost when it was killed, or stood still or was cut off for
 * longer than any follower waits before it campaigns.
 */
export function replacements(seen: Seen): Recovery[] {
  return recoveries(seen).filter(({ how, isHindered }) => how !== 'started' && !isHindered)
}

/** In election timeouts; NaN of nothing. */
export function quantile(recovered: readonly Recovery[], fraction: number): number {
  const times = recovered.map(({ ms }) => ms / electionMs).toSorted((a, b) => a - b)
  return times[Math.ceil(fraction * times.length) - 1] ?? Number.NaN
}

/** The lines of the report. */
export function describeRecovery(seen: Seen): readonly string[] {
  const all = recoveries(seen)
  const lost = replacements(seen)
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
  const [median, p90, worst] = [0.5, 0.9, 1].map((fraction) =>
    quantile(recovered, fraction).toFixed(2),
  )
  return `median ${median}, p90 ${p90}, worst ${worst} (${recovered.length} times)`
}
