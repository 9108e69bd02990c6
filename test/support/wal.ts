import type { AppendBatch } from '../../server/raft/core/output.ts'
import type { LogStore } from '../../server/raft/storage/port.ts'
import type { WalSizes } from '../../server/raft/storage/wal.ts'
import { emptyMembership, type Entry, type SnapshotMeta } from '../../server/raft/types.ts'

export const identity = { clusterId: 'dc1', nodeId: '1a7e0b1c' } as const

/** So small that a few appends go over to the next segment, and a few more out of memory. */
export const tiny: WalSizes = {
  segmentBytes: 16 << 10,
  batchBytesMax: 4 << 10,
  tailBytesMax: 2 << 10,
}

/** What is not given is empty. */
export function batch(given: Partial<AppendBatch>): AppendBatch {
  return { seq: 1, hardState: null, truncateFrom: null, snapshot: null, entries: [], ...given }
}

/** Entries that say in their payloads who they are, made up to a size. */
export function entries(from: number, through: number, term: number, sizeBytes = 20): Entry[] {
  return Array.from({ length: through - from + 1 }, (_, position) => {
    const payload = new Uint8Array(sizeBytes).fill(0x2e)
    new TextEncoder().encodeInto(`${term}-${from + position}`, payload)
    return { index: from + position, term, kind: 'command', payload }
  })
}

export function snapshotAt(index: number, term: number): SnapshotMeta {
  return { index, term, membership: { ...emptyMembership, voters: ['a'], addresses: { a: '' } } }
}

export function appended(log: LogStore, given: AppendBatch): Promise<void> {
  return new Promise((resolve) => {
    log.append(given, resolve)
  })
}
