import t from 'tap'

import { Applier } from '../../../server/raft/applier.ts'
import { proposalBounds, Proposals } from '../../../server/raft/proposals.ts'
import type { Entry, EntryId } from '../../../server/raft/types.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { settle, VirtualClock } from '../../support/clock.ts'

/** An applier whose state machine is replaced only when the test says so. */
function prepared() {
  const restored: string[] = []
  const applied: number[] = []
  const fatal: string[] = []
  const gates: PromiseWithResolvers<void>[] = []
  const applier = new Applier<void>({
    stateMachine: {
      apply: (entries) => entries.map(() => undefined),
      snapshot: () => [],
      async restore(chunks) {
        const gate = Promise.withResolvers<void>()
        gates.push(gate)
        await gate.promise
        for await (const chunk of chunks) restored.push(Buffer.from(chunk).toString())
      },
    },
    proposals: new Proposals<void>(proposalBounds),
    clock: new VirtualClock(),
    metrics: noMetrics,
    onApplied: (index) => applied.push(index),
    onMore: () => {},
    fatal: (error) => fatal.push(error.message),
  })
  const replaceBy = (name: string, id: EntryId, isGone = (): boolean => false): void =>
    applier.replace(snapshot(name, isGone), id)
  return { applier, applied, fatal, gates, replaceBy, restored }
}

/** A snapshot's chunks, the shift before them; one that is gone can't be read. */
async function* snapshot(name: string, isGone: () => boolean): AsyncGenerator<Uint8Array> {
  if (isGone()) throw new Error(`snapshot ${name} is gone`)
  yield Buffer.alloc(8)
  yield Buffer.from(name)
}

t.test('of the snapshots that come while one is restored, the newest alone follows', async (t) => {
  const { applier, applied, fatal, gates, replaceBy, restored } = prepared()
  replaceBy('a', { term: 1, index: 10 })
  await settle()
  // The store keeps the newest two.
  replaceBy('b', { term: 1, index: 20 }, () => true)
  replaceBy('c', { term: 1, index: 30 })
  t.notOk(applier.isSettled)
  gates[0]?.resolve()
  await settle()
  t.strictSame(restored, ['a'])
  t.strictSame(applied, [], 'nobody is told of a state that is being replaced')
  gates[1]?.resolve()
  await settle()
  t.strictSame(restored, ['a', 'c'])
  t.strictSame(applied, [30])
  t.equal(applier.appliedIndex, 30)
  t.ok(applier.isSettled)
  t.strictSame(fatal, [])
  t.equal(gates.length, 2)
})

t.test('one that fails while a newer one waits is no loss, and else the end', async (t) => {
  const { applied, fatal, gates, replaceBy, restored } = prepared()
  replaceBy('a', { term: 1, index: 10 }, () => gates.length > 0)
  replaceBy('b', { term: 1, index: 20 })
  await settle()
  gates[0]?.reject(new Error('it is damaged'))
  await settle()
  gates[1]?.resolve()
  await settle()
  t.strictSame([restored, applied, fatal], [['b'], [20], []])
  replaceBy('c', { term: 1, index: 30 }, () => true)
  await settle()
  t.strictSame(fatal, ['snapshot c is gone'])
  t.strictSame(applied, [20])
})

t.test('large entries are not applied by the dozen before the clock is looked at', async (t) => {
  let nowMs = 0
  const slices: number[] = []
  let turns = 0
  const applier = new Applier<void>({
    stateMachine: {
      apply(entries) {
        slices.push(entries.length)
        nowMs += 1
        return entries.map(() => undefined)
      },
      snapshot: () => [],
      restore: async () => {},
    },
    proposals: new Proposals<void>(proposalBounds),
    clock: Object.assign(new VirtualClock(), { monotonicMs: () => nowMs }),
    metrics: noMetrics,
    onApplied: () => {},
    onMore: () => {
      turns += 1
    },
    fatal: (error) => t.fail(error.message),
  })
  const entry = (index: number, sizeBytes: number): Entry => ({
    index,
    term: 1,
    kind: 'command',
    payload: new Uint8Array(sizeBytes),
  })
  applier.enqueue(Array.from({ length: 100 }, (_, place) => entry(place + 1, 100)))
  applier.run()
  t.strictSame(slices, [64, 36])
  slices.length = 0
  applier.enqueue(Array.from({ length: 10 }, (_, place) => entry(place + 101, 10_000)))
  applier.run()
  t.strictSame(slices, [2, 2], 'two turns of a millisecond each')
  t.equal(turns, 1, 'the rest is for another turn')
})

t.test('disposing waits for the last of them', async (t) => {
  const { applier, gates, replaceBy, restored } = prepared()
  replaceBy('a', { term: 1, index: 10 })
  await settle()
  replaceBy('b', { term: 1, index: 20 })
  let isDisposed = false
  const disposed = applier[Symbol.asyncDispose]().then(() => {
    isDisposed = true
  })
  gates[0]?.resolve()
  await settle()
  t.notOk(isDisposed)
  gates[1]?.resolve()
  await disposed
  t.strictSame(restored, ['a', 'b'])
})
