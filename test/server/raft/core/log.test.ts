import fc from 'fast-check'
import t from 'tap'

import { RaftLog } from '../../../../server/raft/core/log.ts'
import type { Entry } from '../../../../server/raft/types.ts'
import { MemoryDisk } from '../../../support/raft-disk.ts'

function entry(index: number, term: number, size = 1): Entry {
  return { index, term, kind: 'command', payload: new Uint8Array(size) }
}

/** A log whose entries have these terms, all on disk. */
function logOf(terms: readonly number[], committed = 0): { log: RaftLog; disk: MemoryDisk } {
  const disk = new MemoryDisk(terms.map((term, at) => entry(at + 1, term)))
  return { log: new RaftLog(disk, null, committed), disk }
}

/** The disk as the driver would write it. */
function write(log: RaftLog, disk: MemoryDisk, seq: number): () => void {
  const { truncateFrom, entries } = log.takeUnwritten()
  log.writing(seq)
  return () => {
    disk.write({ seq, hardState: null, truncateFrom, snapshot: null, entries })
    log.written(seq)
  }
}

function termsOf(log: RaftLog): (number | undefined)[] {
  const found = []
  for (let index = log.firstIndex; index <= log.last.index; index += 1) found.push(log.term(index))
  return found
}

const all = { entriesMax: 100, bytesMax: 1000 }

t.test('an append merges', async (t) => {
  const cases: [
    name: string,
    from: number,
    terms: number[],
    expected: number[],
    truncated: number | null,
  ][] = [
    ['after the end', 4, [3, 4], [1, 1, 2, 3, 4], null],
    ['nothing when it was all there', 2, [1, 2], [1, 1, 2], null],
    ['only what is new of it', 3, [2, 2], [1, 1, 2, 2], null],
    ['from the first conflict on', 2, [1, 3, 3], [1, 1, 3, 3], 3],
    ['in place of everything after a conflict', 2, [3], [1, 3], 2],
    // An old message that is shorter than the log says nothing about the rest (T23).
    ['without shortening the log', 1, [1], [1, 1, 2], null],
  ]
  for (const [name, from, terms, expected, truncated] of cases) {
    const { log } = logOf([1, 1, 2])
    const merged = log.merge(terms.map((term, at) => entry(from + at, term)))
    t.same(termsOf(log), expected, name)
    t.equal(merged.truncatedFrom, truncated, name)
  }
})

t.test('a committed entry is never truncated', async (t) => {
  const { log } = logOf([1, 1, 2], 2)
  t.throws(() => log.merge([entry(2, 3)]), /committed/)
})

t.test('where another log could agree at best', async (t) => {
  const { log } = logOf([1, 1, 2, 2, 5, 5])
  const cases: [index: number, term: number, found: string][] = [
    [6, 5, '6@5'],
    [9, 5, '6@5'],
    [9, 4, '4@2'],
    [6, 2, '4@2'],
    [5, 1, '2@1'],
    [3, 9, '3@2'],
    [6, 0, '0@0'],
  ]
  for (const [index, term, expected] of cases) {
    const found = log.latestNotAfter(index, term)
    t.equal(`${found.index}@${found.term}`, expected, `${index}@${term}`)
  }
})

t.test('who has the better log', async (t) => {
  const { log } = logOf([1, 2, 2])
  const cases: [index: number, term: number, upToDate: boolean][] = [
    [3, 2, true],
    [4, 2, true],
    [2, 2, false],
    [1, 3, true],
    [9, 1, false],
  ]
  for (const [index, term, expected] of cases)
    t.equal(log.isUpToDate({ index, term }), expected, `${index}@${term}`)
})

t.test('T18: a write vouches only for what was not taken back since', async (t) => {
  const { log, disk } = logOf([1])
  log.merge([entry(2, 2), entry(3, 2)])
  const first = write(log, disk, 1)
  log.merge([entry(2, 3)])
  const second = write(log, disk, 2)
  // The same ids once more: an index and a term can not tell the second write from the first.
  log.merge([entry(2, 2), entry(3, 2)])
  const third = write(log, disk, 3)
  first()
  t.equal(log.durable, 1)
  second()
  t.equal(log.durable, 1)
  third()
  t.equal(log.durable, 3)
  t.same(termsOf(log), [1, 2, 2])
})

t.test('T29: a batch says what to forget before what to add', async (t) => {
  const { log } = logOf([1, 1, 1, 1])
  log.merge([entry(3, 2)])
  log.merge([entry(2, 3)])
  const { truncateFrom, entries } = log.takeUnwritten()
  t.equal(truncateFrom, 2)
  t.same(
    entries.map(({ index, term }) => [index, term]),
    [[2, 3]],
  )
  t.same(log.takeUnwritten(), { truncateFrom: null, entries: [] })
})

t.test('reading spans disk and memory', async (t) => {
  const { log, disk } = logOf([1, 1])
  for (const index of [3, 4, 5]) log.append(entry(index, 2, 10))
  const indexes = (from: number, through: number, limits = all): number[] =>
    log.entries(from, through, limits).map(({ index }) => index)
  t.same(indexes(1, 5), [1, 2, 3, 4, 5])
  t.same(indexes(2, 4), [2, 3, 4])
  t.same(indexes(4, 99), [4, 5])
  t.same(indexes(6, 9), [])
  t.same(indexes(1, 5, { entriesMax: 3, bytesMax: 1000 }), [1, 2, 3])
  t.same(indexes(1, 5, { entriesMax: 9, bytesMax: 12 }), [1, 2, 3])
  t.same(indexes(3, 5, { entriesMax: 9, bytesMax: 1 }), [3], 'at least one')
  t.same(indexes(1, 5, { entriesMax: 9, bytesMax: 0 }), [1], 'at least one')
  write(log, disk, 1)()
  t.same(indexes(1, 5), [1, 2, 3, 4, 5])
})

t.test('entries are handed over once, in order, when committed', async (t) => {
  const { log } = logOf([1, 1, 2])
  t.same(log.handOver(all), [])
  log.commitThrough(2)
  t.same(
    log.handOver(all).map(({ index }) => index),
    [1, 2],
  )
  t.same(log.handOver(all), [])
  log.commitThrough(3)
  t.same(
    log.handOver(all).map(({ index }) => index),
    [3],
  )
  t.throws(() => log.appliedThrough(4), /before it was handed over/)
  t.throws(() => log.commitThrough(4), /beyond the log/)
})

t.test('a commit never goes back', async (t) => {
  const { log } = logOf([1, 1, 2], 3)
  t.notOk(log.commitThrough(1))
  t.equal(log.committed, 3)
})

t.test('compaction keeps what is not applied and not durable', async (t) => {
  const { log } = logOf([1, 1, 1, 1])
  log.append(entry(5, 1))
  log.commitThrough(5)
  log.handOver(all)
  log.appliedThrough(3)
  t.ok(log.compactThrough(9))
  t.equal(log.firstIndex, 4)
  log.appliedThrough(5)
  log.compactThrough(9)
  t.equal(log.firstIndex, 5, 'entry 5 is not durable')
  t.notOk(log.compactThrough(2), 'nothing is left to compact')
  t.equal(log.term(4), 1, 'the term before the first entry is known')
  t.equal(log.term(3), undefined)
})

t.test('T12: after a snapshot beyond its end the log is empty and goes on behind it', async (t) => {
  const { log, disk } = logOf([1, 1], 1)
  log.append(entry(3, 1))
  const stale = write(log, disk, 1)
  log.reset({ index: 10, term: 4 })
  t.same([log.firstIndex, log.last, log.committed], [11, { index: 10, term: 4 }, 10])
  log.append(entry(11, 4))
  const { truncateFrom, entries } = log.takeUnwritten()
  t.equal(truncateFrom, 1)
  t.same(
    entries.map(({ index }) => index),
    [11],
  )
  log.writing(2)
  stale()
  t.ok(log.durable < 10, 'what was being written before says nothing of what came after')
  log.written(2)
  t.equal(log.durable, 11)
})

t.test(
  'a log with entries from before its snapshot begins at the first whose term is known',
  async (t) => {
    const disk = new MemoryDisk([1, 1, 2, 2, 3].map((term, at) => entry(at + 1, term)))
    disk.compactThrough(1)
    const log = new RaftLog(disk, { index: 3, term: 2 }, 4)
    t.same(log.base, { index: 2, term: 1 })
    t.equal(log.firstIndex, 3)
    t.equal(log.committed, 4)
    t.equal(log.applied, 3, 'the state machine is where the snapshot is')
    t.throws(() => new RaftLog(disk, { index: 3, term: 2 }, 9), /beyond the log/)
    t.throws(() => new RaftLog(disk, null, 0), /gap/)
  },
)

t.test(
  'whatever is merged and written in whatever order, disk and log agree in the end',
  async (t) => {
    const merges = fc.array(
      fc.record({ back: fc.nat(4), count: fc.integer({ min: 1, max: 4 }), writes: fc.nat(2) }),
      { maxLength: 30 },
    )
    const property = fc.property(merges, (steps) => {
      const { log, disk } = logOf([1])
      const pending: (() => void)[] = []
      let term = 1
      let seq = 0
      for (const { back, count, writes } of steps) {
        term += 1
        const from = Math.max(2, log.last.index + 1 - back)
        const merged = Array.from({ length: count }, (_, at) => entry(from + at, term))
        log.merge(merged)
        seq += 1
        pending.push(write(log, disk, seq))
        for (let left = writes; left > 0; left -= 1) pending.shift()?.()
        // What is called durable is on disk, and is what the log says.
        for (let index = 1; index <= log.durable; index += 1)
          if (disk.term(index) !== log.term(index)) return false
      }
      for (const done of pending) done()
      return log.durable === log.last.index && disk.lastIndex() === log.last.index
    })
    const { failed, seed, counterexample } = fc.check(property, { numRuns: 500 })
    t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`)
  },
)
