import { sleep } from '../runtime/clock.ts'
import type { Duty } from './duty.ts'

/** How long a deletion is remembered, and how often old ones are looked for (Consul's values). */
const ttlMs = 15 * 60_000
const granularityMs = 30_000
/** A command takes away at most this many, so that it never holds up the others. */
const batchRows = 4096

/**
 * Forgets deletions that are old enough. Tombstones carry no time, since the state machine knows none: the leader notes which
 * index was the newest at a moment, and once that moment is old everything up to the index is.
 */
export const reapTombstones: Duty = {
  name: 'reap tombstones',
  async run({ store, propose, clock }, signal) {
    const marks: { readonly atMs: number; readonly index: number }[] = []
    for (;;) {
      await sleep(clock, granularityMs, signal)
      const index = store.maxIndex(['tombstones'])
      if (index > (marks.at(-1)?.index ?? 0)) marks.push({ atMs: clock.monotonicMs(), index })
      const due = marks.filter(({ atMs }) => clock.monotonicMs() - atMs >= ttlMs)
      marks.splice(0, due.length)
      const throughIndex = due.at(-1)?.index ?? 0
      if (throughIndex === 0) continue
      while ((await propose('tombstone-reap', { throughIndex, rowsMax: batchRows })) === batchRows)
        signal.throwIfAborted()
    }
  },
}
