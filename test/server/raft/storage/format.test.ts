import { deepEqual, equal } from 'node:assert/strict'

import fc from 'fast-check'
import t from 'tap'

import { BatchBuilder } from '../../../../server/raft/storage/batch-builder.ts'
import { describeSegment } from '../../../../server/raft/storage/dump.ts'
import {
  batchHeaderBytes,
  decodeBatchHeader,
  decodeRecords,
  decodeSegmentHeader,
  encodeSegmentHeader,
  headerBlockBytes,
  type Record,
} from '../../../../server/raft/storage/format.ts'
import { TermRanges } from '../../../../server/raft/storage/term-ranges.ts'
import type { EntryKind } from '../../../../server/raft/types.ts'
import { entries, snapshotAt } from '../../../support/wal.ts'

const position = fc.maxSafeNat()
const plain = { noNullPrototype: true }
const record: fc.Arbitrary<Record> = fc.oneof(
  fc
    .record(
      {
        index: position,
        term: position,
        kind: fc.constantFrom<EntryKind>('command', 'noop', 'membership'),
        payload: fc.uint8Array({ maxLength: 300 }),
      },
      plain,
    )
    .map((entry) => ({ kind: 'entry' as const, entry })),
  fc
    .record(
      {
        term: position,
        vote: fc.option(fc.string({ minLength: 1, maxLength: 40 })),
        commit: position,
      },
      plain,
    )
    .map((hardState) => ({ kind: 'hardState' as const, hardState })),
  fc.tuple(fc.nat(), fc.boolean()).map(([index, carried]) => ({
    kind: 'snapshot' as const,
    snapshot: snapshotAt(index, 3),
    carried,
  })),
  position.map((from) => ({ kind: 'truncate' as const, from })),
  fc.constant({ kind: 'seal' as const }),
)

const header = {
  clusterId: 'dc1',
  nodeId: '1a7e0b1c-9b1c-4f59-a1c5-0d9e7f2b6a10',
  sequence: 3,
  baseIndex: 2 ** 40,
  previousChain: 0xdeadbeef,
}

t.test('records read back as they were written, and a changed bit is found', async (t) => {
  const builder = new BatchBuilder(64)
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), fc.nat(), fc.nat(7), (records, at, bit) => {
      for (const each of records) builder.add(each)
      const made = builder.finish({ segmentSequence: 9, sequence: 2 ** 33, previousChain: 5 })
      const bytes = new Uint8Array(made.bytes)
      equal(bytes.length % 8, 0)
      const found = decodeBatchHeader(bytes, 0, 9)
      if (typeof found === 'string') throw new Error(found)
      deepEqual(found, {
        sizeBytes: made.sizeBytes,
        sequence: 2 ** 33,
        recordCount: records.length,
        previousChain: 5,
        chain: made.chain,
      })
      deepEqual(
        [...decodeRecords(bytes, 0, found)].map((each) => each.record),
        records,
      )
      equal(decodeBatchHeader(bytes, 0, 10), 'foreign')
      const changed = at % made.sizeBytes
      bytes[changed] = (bytes[changed] as number) ^ (1 << bit)
      equal(typeof decodeBatchHeader(bytes, 0, 9), 'string')
      equal(typeof decodeBatchHeader(bytes.subarray(0, made.sizeBytes - 1), 0, 9), 'string')
    }),
  )
  t.pass('for every case')
})

t.test('a segment header reads back, and a changed bit is found', async (t) => {
  const block = encodeSegmentHeader(header)
  t.equal(block.length, headerBlockBytes)
  t.same(decodeSegmentHeader(block), header)
  t.equal(decodeSegmentHeader(block.subarray(0, 100)), undefined)
  for (let offset = 0; offset < headerBlockBytes; offset += 1) {
    const changed = new Uint8Array(block)
    changed[offset] = (changed[offset] as number) ^ 4
    if (decodeSegmentHeader(changed) !== undefined) t.fail(`byte ${offset}`)
  }
})

t.test('terms are told from their ranges as from a list', async (t) => {
  const step = fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    newTerm: fc.boolean(),
    truncate: fc.nat(10),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const ranges = new TermRanges()
      let terms: number[] = []
      let [term, forgotten] = [1, 1]
      for (const { count, newTerm, truncate } of steps) {
        if (newTerm) {
          term += 1
          terms = terms.slice(0, Math.max(forgotten, terms.length - truncate))
          ranges.truncateFrom(terms.length + 1)
        }
        for (let each = 0; each < count; each += 1) {
          terms.push(term)
          ranges.note(terms.length, term)
        }
        forgotten = Math.max(forgotten, Math.floor(terms.length / 2))
        ranges.forgetBefore(forgotten)
        for (let index = forgotten; index <= terms.length; index += 1)
          equal(ranges.at(index), terms[index - 1])
      }
    }),
  )
  t.pass('for every case')
})

/** A segment of four batches. */
function segment(): { readonly bytes: Uint8Array; readonly offsets: readonly number[] } {
  const bytes = new Uint8Array(headerBlockBytes + 1024)
  bytes.set(encodeSegmentHeader(header))
  const builder = new BatchBuilder(64)
  const offsets: number[] = []
  let [offset, chain] = [headerBlockBytes, header.previousChain]
  const batches: readonly (readonly Record[])[] = [
    [
      { kind: 'hardState', hardState: { term: 2, vote: 'b', commit: 7 } },
      { kind: 'snapshot', snapshot: snapshotAt(5, 1), carried: true },
    ],
    entries(8, 9, 2).map((entry) => ({ kind: 'entry', entry })),
    [{ kind: 'truncate', from: 9 }],
    [{ kind: 'seal' }],
  ]
  for (const [position, records] of batches.entries()) {
    for (const each of records) builder.add(each)
    const made = builder.finish({
      segmentSequence: 3,
      sequence: 20 + position,
      previousChain: chain,
    })
    bytes.set(made.bytes, offset)
    offsets.push(offset)
    offset += made.bytes.length
    chain = made.chain
  }
  return { bytes, offsets }
}

t.test('a dump tells what a segment holds, and where', async (t) => {
  const lines = [...describeSegment(segment().bytes)]
  const shown = lines.map((line) => line.replaceAll(/chain [0-9a-f]{8}/g, 'chain …'))
  t.same(shown, [
    '00000000  segment 3  base index 1099511627776  after chain …',
    '00000040  cluster dc1  node 1a7e0b1c-9b1c-4f59-a1c5-0d9e7f2b6a10',
    '00001000  batch 20  182 bytes  chain …',
    '00001020    state  term 2  vote b  commit 7',
    '00001039    snapshot 1-5  carried  {"voters":["a"],"outgoing":[],"learners":[],"learnersNext":[],"addresses":{"a":""}}',
    '000010b8  batch 21  120 bytes  chain …',
    '000010d8    entry 8  term 2  command  20 bytes  322d382e2e2e2e2e2e2e2e2e2e2e2e2e…',
    '00001104    entry 9  term 2  command  20 bytes  322d392e2e2e2e2e2e2e2e2e2e2e2e2e…',
    '00001130  batch 22  48 bytes  chain …',
    '00001150    truncate from 9',
    '00001160  batch 23  40 bytes  chain …',
    '00001180    seal',
    '00001188  end  632 bytes left',
  ])
})

t.test('a dump shows where a segment is damaged, and goes on after it', async (t) => {
  const { bytes, offsets } = segment()
  const [, second, , fourth] = offsets as [number, number, number, number]
  bytes[second + batchHeaderBytes + 30] = 0xff
  bytes[fourth + 34] = 1
  const damage = [...describeSegment(bytes)].filter((line) => /damaged|torn/.test(line))
  t.match(damage, [
    /^000010b8  damaged: checksum, and a valid batch follows 120 bytes later$/,
    /^00001160  torn: an unfinished batch \(checksum\); the log ends before it$/,
  ])
  t.same([...describeSegment(new Uint8Array(100))], ['00000000  damaged: no valid segment header'])
})
