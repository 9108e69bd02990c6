import { must } from '../../server/model/assert.ts'
import { decodeMembership } from '../../server/raft/core/membership.ts'
import type { AppendBatch } from '../../server/raft/core/output.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import type { Entry, EntryId, Index, Membership, SnapshotMeta } from '../../server/raft/types.ts'
import { hashBytes, hashSeed, mix } from './draw.ts'

/** An entry as the judges know it. `chain` names it and everything before it: equal chains are equal logs (Log Matching). */
export interface ModelEntry {
  readonly term: number
  readonly chain: number
  readonly kind: Entry['kind']
  readonly payload: Uint8Array
}

/** What a log should be after the batches that were given out, kept from its first entry on: the judges never compact. */
export class ModelLog {
  /** The log is known from after this index; a snapshot from another server leaves a gap before it. */
  #base: PlacedMembership & { readonly entry: ModelEntry } = {
    index: 0,
    membership: emptyMembership,
    entry: nothing,
  }
  #entries: ModelEntry[] = []
  #memberships: PlacedMembership[] = []

  copy(): ModelLog {
    const copied = new ModelLog()
    copied.#base = this.#base
    copied.#entries = [...this.#entries]
    copied.#memberships = [...this.#memberships]
    return copied
  }

  get lastIndex(): Index {
    return this.#base.index + this.#entries.length
  }

  /** Undefined beyond the end, and below what a snapshot replaced. */
  at(index: Index): ModelEntry | undefined {
    if (index === this.#base.index) return this.#base.entry
    return this.#entries[index - this.#base.index - 1]
  }

  /** Whether it holds exactly this history up to `index`; a snapshot holds whatever is committed. */
  holds(index: Index, chain: number): boolean {
    return index < this.#base.index || this.at(index)?.chain === chain
  }

  /** The newest in the log, which is in effect, and how it came there. */
  membership(): PlacedMembership {
    return this.#memberships.at(-1) ?? this.#base
  }

  /** `committed` gives the entry that a snapshot ends with. */
  write(batch: AppendBatch, committed: (id: EntryId) => ModelEntry): void {
    if (batch.truncateFrom !== null) this.#truncate(batch.truncateFrom)
    if (batch.snapshot !== null && batch.snapshot.index > this.lastIndex)
      this.reset(batch.snapshot, committed(batch.snapshot))
    for (const entry of batch.entries) this.push(entry)
  }

  push(entry: Entry): ModelEntry {
    const before = must(this.at(this.lastIndex), 'a log has an end')
    const chain = mix(mix(mix(before.chain, entry.term), entry.index), payloadHash(entry.payload))
    const { kind, payload, term } = entry
    const pushed = { term, chain, kind, payload }
    this.#entries.push(pushed)
    if (kind === 'membership')
      this.#memberships.push({ index: entry.index, membership: membershipIn(payload) })
    return pushed
  }

  /** The log is this snapshot. */
  reset(snapshot: SnapshotMeta, entry: ModelEntry): void {
    this.#base = { index: snapshot.index, entry, membership: snapshot.membership }
    this.#entries = []
    this.#memberships = []
  }

  #truncate(from: Index): void {
    this.#entries.length = Math.max(0, from - this.#base.index - 1)
    this.#memberships = this.#memberships.filter(({ index }) => index < from)
  }
}

export interface PlacedMembership {
  readonly index: Index
  readonly membership: Membership
}

const nothing: ModelEntry = {
  term: 0,
  chain: hashSeed,
  kind: 'noop',
  payload: new Uint8Array(0),
}

/** Payloads travel by reference between simulated servers, so most are hashed once. */
const hashes = new WeakMap<Uint8Array, number>()

function payloadHash(payload: Uint8Array): number {
  const known = hashes.get(payload)
  if (known !== undefined) return known
  const hash = hashBytes(payload)
  hashes.set(payload, hash)
  return hash
}

const memberships = new WeakMap<Uint8Array, Membership>()

function membershipIn(payload: Uint8Array): Membership {
  const known = memberships.get(payload)
  if (known !== undefined) return known
  const membership = decodeMembership(payload)
  memberships.set(payload, membership)
  return membership
}
