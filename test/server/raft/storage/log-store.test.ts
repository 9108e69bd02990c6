import { deepEqual } from 'node:assert/strict'

import fc from 'fast-check'
import t, { type Test } from 'tap'

import type { AppendBatch } from '../../../../server/raft/core/output.ts'
import { MemoryLog } from '../../../../server/raft/storage/memory-log.ts'
import { nodeDisk } from '../../../../server/raft/storage/node-disk.ts'
import type { LogStore } from '../../../../server/raft/storage/port.ts'
import { openWal } from '../../../../server/raft/storage/wal.ts'
import type { Entry } from '../../../../server/raft/types.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { SimulatedDisk } from '../../../support/disk.ts'
import { appended, batch, entries, identity, snapshotAt, tiny } from '../../../support/wal.ts'

/** Every log store, and how one is opened anew for a test. */
const stores: Readonly<Record<string, (directory: string) => Promise<LogStore>>> = {
  'in memory': async () => new MemoryLog(),
  'on disk': (directory) => openStore(directory),
  'on a simulated disk': () => openStore('/wal', new SimulatedDisk()),
}

function openStore(
  directory: string,
  disk: SimulatedDisk | typeof nodeDisk = nodeDisk,
): Promise<LogStore> {
  const fatal = (error: Error): never => {
    throw error
  }
  return openWal({
    disk,
    directory,
    ...identity,
    clock: systemClock,
    log: noLog,
    fatal,
    sizes: tiny,
  })
}

const all = (log: LogStore): readonly Entry[] =>
  log.lastIndex() < log.firstIndex() ? [] : read(log, log.firstIndex(), log.lastIndex())

/** Entries in as many pieces as the store gives them in. */
function read(log: LogStore, from: number, through: number): readonly Entry[] {
  const found: Entry[] = []
  while (found.length < through - from + 1)
    found.push(...log.entries(from + found.length, through, 1 << 20))
  return found
}

for (const [name, open] of Object.entries(stores)) {
  t.test(`a log ${name}`, async (t) => {
    const fresh = (t: Test): Promise<LogStore> => open(t.testdir())

    t.test('begins empty', async (t) => {
      await using log = await fresh(t)
      t.same([log.firstIndex(), log.lastIndex()], [1, 0])
      t.same(log.recovered, {
        hardState: { term: 0, vote: null, commit: 0 },
        snapshot: null,
        memberships: [],
      })
      t.ok(log.hasRoom())
    })

    t.test('gives back what was appended', async (t) => {
      await using log = await fresh(t)
      await appended(log, batch({ entries: entries(1, 3, 1) }))
      await appended(log, batch({ entries: entries(4, 6, 2) }))
      t.same(all(log), [...entries(1, 3, 1), ...entries(4, 6, 2)])
      t.same([log.term(3), log.term(4)], [1, 2])
    })

    t.test('gives no more than was asked for, and always one entry', async (t) => {
      await using log = await fresh(t)
      await appended(log, batch({ entries: entries(1, 5, 1, 100) }))
      t.same(
        log.entries(2, 4, 1000).map(({ index }) => index),
        [2, 3, 4],
      )
      t.same(
        log.entries(2, 4, 250).map(({ index }) => index),
        [2, 3],
      )
      t.same(
        log.entries(2, 4, 0).map(({ index }) => index),
        [2],
      )
    })

    t.test('calls back in order, and not before append returns', async (t) => {
      await using log = await fresh(t)
      const called: number[] = []
      const done = Promise.all(
        [1, 2, 3].map(
          (index) =>
            new Promise<void>((resolve) => {
              log.append(batch({ seq: index, entries: entries(index, index, 1) }), () => {
                called.push(index)
                resolve()
              })
            }),
        ),
      )
      t.same(called, [])
      await done
      t.same(called, [1, 2, 3])
    })

    t.test('rewrites what was truncated', async (t) => {
      await using log = await fresh(t)
      await appended(log, batch({ entries: entries(1, 9, 1) }))
      await appended(log, batch({ truncateFrom: 4, entries: entries(4, 5, 2) }))
      t.same(all(log), [...entries(1, 3, 1), ...entries(4, 5, 2)])
      await appended(log, batch({ truncateFrom: 1 }))
      t.same([log.firstIndex(), log.lastIndex()], [1, 0])
      await appended(log, batch({ entries: entries(1, 2, 3) }))
      t.same(all(log), entries(1, 2, 3))
    })

    t.test('goes on after a snapshot that lies beyond its end', async (t) => {
      await using log = await fresh(t)
      await appended(log, batch({ entries: entries(1, 9, 1) }))
      await appended(log, batch({ snapshot: snapshotAt(20, 2), entries: entries(21, 22, 2) }))
      t.same([log.firstIndex(), log.lastIndex()], [21, 22])
      t.same(all(log), entries(21, 22, 2))
    })

    t.test('keeps its entries under a snapshot of its own until they are compacted', async (t) => {
      await using log = await fresh(t)
      await appended(log, batch({ entries: entries(1, 9, 1) }))
      await appended(log, batch({ snapshot: snapshotAt(6, 1) }))
      t.same([log.firstIndex(), log.lastIndex()], [1, 9])
      log.compact(4)
      t.same([log.firstIndex(), log.lastIndex()], [5, 9])
      t.same(all(log), entries(5, 9, 1))
      t.equal(log.term(5), 1)
      log.compact(2)
      t.equal(log.firstIndex(), 5)
    })

    t.test('agrees with a list, whatever is done to it', async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          await using log = await open(t.testdir())
          const model = new Model()
          for (const each of steps) {
            const next = model.next(each)
            if (next === undefined) continue
            if ('compact' in next) log.compact(next.compact)
            else if (each.awaited) await appended(log, next)
            else log.append(next, () => {})
            deepEqual([log.firstIndex(), log.lastIndex()], [model.first, model.last])
            deepEqual(all(log), model.entries)
          }
        }),
        { numRuns: name === 'on disk' ? 10 : 50 },
      )
    })
  })
}

interface Step {
  readonly kind: 'append' | 'truncate' | 'snapshot' | 'install' | 'compact'
  readonly amount: number
  readonly sizeBytes: number
  readonly awaited: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('append', 'append', 'append', 'truncate', 'snapshot', 'install', 'compact'),
  amount: fc.integer({ min: 1, max: 8 }),
  sizeBytes: fc.integer({ min: 0, max: 400 }),
  awaited: fc.boolean(),
})

/** The same log as a list: what a step means for it, or undefined where it makes no sense. */
class Model {
  entries: Entry[] = []
  first = 1
  #term = 1
  #snapshot = 0

  get last(): number {
    return this.first + this.entries.length - 1
  }

  next({ amount, kind, sizeBytes }: Step): AppendBatch | { readonly compact: number } | undefined {
    switch (kind) {
      case 'append': {
        const more = entries(this.last + 1, this.last + amount, this.#term, sizeBytes)
        this.entries.push(...more)
        return batch({ entries: more })
      }
      case 'truncate': {
        const from = this.last - amount + 1
        if (from <= this.#snapshot || from < this.first) return undefined
        this.#term += 1
        const more = entries(from, from + 1, this.#term, sizeBytes)
        this.entries.splice(from - this.first, Infinity, ...more)
        return batch({ truncateFrom: from, entries: more })
      }
      case 'snapshot': {
        this.#snapshot = Math.max(this.#snapshot, this.last - amount)
        return batch({ snapshot: snapshotAt(this.#snapshot, this.#term) })
      }
      case 'install': {
        this.#snapshot = this.last + amount
        this.first = this.#snapshot + 1
        this.entries = []
        return batch({ snapshot: snapshotAt(this.#snapshot, this.#term) })
      }
      case 'compact': {
        const through = Math.max(this.#snapshot - amount, 0)
        const dropped = Math.max(0, Math.min(through, this.last) + 1 - this.first)
        this.entries.splice(0, dropped)
        this.first += dropped
        return { compact: through }
      }
      default:
        return undefined
    }
  }
}
