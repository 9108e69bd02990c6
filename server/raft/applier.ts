import { assert, must } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Proposals } from './proposals.ts'
import { isRestoration, Restoration } from './restoration.ts'
import type { StateMachine } from './state-machine.ts'
import { origin, type Entry, type EntryId, type Index, type Term } from './types.ts'

/**
 * How long the loop may be kept from everything else, and how many entries, or bytes of them, go by between two looks at the clock:
 * a transaction is one entry and may be as much work as sixty.
 */
const sliceMs = 2
const sliceEntriesMax = 64
const sliceBytesMax = 16 << 10

interface ApplierOptions<Result> {
  readonly stateMachine: StateMachine<Result>
  readonly proposals: Proposals<Result>
  readonly clock: Clock
  readonly metrics: Metrics
  /** The state machine holds everything up to here. */
  readonly onApplied: (index: Index) => void
  /** There is more to do, in a later turn. */
  readonly onMore: () => void
  readonly fatal: (error: Error) => void
}

/** Committed entries on their way into the state machine: in order, in slices, and never while it is being replaced. */
export class Applier<Result> {
  readonly #options: ApplierOptions<Result>
  #restoration = new Restoration(0)
  #queue: (readonly Entry[])[] = []
  #queueStart = 0
  /** Entries of the oldest in the queue that are already applied. */
  #taken = 0
  #pending = 0
  #applied: EntryId = origin
  /** The state machine is being replaced; nothing is applied until it is. */
  #replacing: Promise<void> | null = null
  /** By what it is replaced after that. Only the newest waits: the snapshot store keeps no more. */
  #next: Replacement | null = null

  constructor(options: ApplierOptions<Result>) {
    this.#options = options
  }

  get appliedIndex(): Index {
    return this.#applied.index
  }

  /** Of the last entry applied. */
  get appliedTerm(): Term {
    return this.#applied.term
  }

  /** Committed and not yet applied. */
  get pending(): number {
    return this.#pending
  }

  /** State index minus log index. */
  get shift(): number {
    return this.#restoration.shift
  }

  /** The state stands between two entries of a log that holds nothing half done: the moment for a picture of it. */
  get isSettled(): boolean {
    return this.#replacing === null && !this.#restoration.underWay
  }

  enqueue(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    this.#queue.push(entries)
    this.#pending += entries.length
  }

  /** The state machine becomes that of a snapshot; what was enqueued before is in it. */
  replace(chunks: AsyncIterable<Uint8Array>, id: EntryId): void {
    this.#queue = []
    this.#queueStart = 0
    this.#taken = 0
    this.#pending = 0
    this.#options.proposals.forgetCommitted(id.index)
    const replacement: Replacement = {
      begin: () => this.restore(chunks, id),
      done: () => this.#options.onApplied(id.index),
    }
    if (this.#replacing === null) this.#replaceWith(replacement)
    else this.#next = replacement
  }

  /** As `replace`, awaited: for the start, when nothing is enqueued. */
  async restore(chunks: AsyncIterable<Uint8Array>, id: EntryId): Promise<void> {
    const { clock, metrics, stateMachine } = this.#options
    const startMs = clock.monotonicMs()
    const { shift, rest } = await splitShift(chunks)
    await stateMachine.restore(rest)
    metrics.sample('raft.fsm.restore', clock.monotonicMs() - startMs)
    this.#restoration = new Restoration(shift)
    this.#applied = { term: id.term, index: id.index }
  }

  /** The state as it is now, as `replace` takes it back. */
  picture(): AsyncIterable<Uint8Array> {
    assert(this.isSettled, 'a picture of a state that is being replaced')
    return withShift(this.shift, this.#options.stateMachine.snapshot())
  }

  /** Applies for at most about `sliceMs`, and asks for another turn if that was not enough. */
  run(): void {
    if (this.#replacing !== null || this.#pending === 0) return
    const { clock, metrics, onApplied, onMore } = this.#options
    const startMs = clock.monotonicMs()
    let nowMs = startMs
    let count = 0
    while (this.#pending > 0 && this.#replacing === null && nowMs - startMs < sliceMs) {
      count += this.#applySlice()
      nowMs = clock.monotonicMs()
    }
    if (count > 0) metrics.sample('raft.fsm.apply', nowMs - startMs)
    if (this.#replacing !== null) return
    onApplied(this.#applied.index)
    if (this.#pending > 0) onMore()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replacing
  }

  /** As many of the oldest entries as go together; says how many. */
  #applySlice(): number {
    const batch = must(this.#queue[this.#queueStart], 'a batch to apply')
    const index = this.#sliceEnd(batch)
    if (index === this.#taken) {
      const entry = must(batch[index], 'an entry to apply')
      this.#advance(batch, 1)
      this.#applyPart(entry)
      return 1
    }
    this.#restoration.interrupt()
    const whole = this.#taken === 0 && index === batch.length
    const slice = whole ? batch : batch.slice(this.#taken, index)
    this.#advance(batch, slice.length)
    const { shift } = this
    this.#applyEntries(
      shift === 0 ? slice : slice.map((entry) => ({ ...entry, index: entry.index + shift })),
    )
    return slice.length
  }

  /** Behind the last of the oldest entries that go together; none does with a part of an archive. */
  #sliceEnd(batch: readonly Entry[]): number {
    const end = Math.min(batch.length, this.#taken + sliceEntriesMax)
    let [index, bytes] = [this.#taken, 0]
    while (index < end && bytes < sliceBytesMax) {
      const entry = must(batch[index], 'an entry to apply')
      if (isRestoration(entry)) break
      bytes += entry.payload.length
      index += 1
    }
    return index
  }

  #applyPart(entry: Entry): void {
    const part = this.#restoration.take(entry)
    if (part.kind === 'last') this.#restoreArchive(entry, part.chunks, part.shift)
    else this.#applyEntries([this.#emptied(entry)], part.kind === 'broken' ? broken() : undefined)
  }

  #advance(batch: readonly Entry[], count: number): void {
    this.#taken += count
    this.#pending -= count
    if (this.#taken < batch.length) return
    this.#taken = 0
    this.#queueStart += 1
    if (this.#queueStart < this.#queue.length) return
    this.#queue = []
    this.#queueStart = 0
  }

  #applyEntries(entries: readonly Entry[], failure?: Error): void {
    const { clock, metrics, proposals, stateMachine } = this.#options
    const results = stateMachine.apply(entries)
    assert(results.length === entries.length, 'the state machine gives one result for each entry')
    const { shift } = this
    let { index } = this.#applied
    let oldestAtMs = Infinity
    for (let position = 0; position < entries.length; position += 1) {
      index += 1
      assert(entries[position]?.index === index + shift, `entry ${index} is next to be applied`)
      const proposal = proposals.takeCommitted(index)
      if (proposal === undefined) continue
      oldestAtMs = Math.min(oldestAtMs, proposal.proposedAtMs)
      if (failure === undefined) proposal.resolve(results[position] as Result)
      else proposal.reject(failure)
    }
    this.#applied = { term: entries.at(-1)?.term ?? 0, index }
    if (oldestAtMs < Infinity) metrics.sample('raft.commitTime', clock.monotonicMs() - oldestAtMs)
  }

  /** The last entry of an archive: on every server alike, the state is replaced, or the archive is bad and it is not. */
  #restoreArchive(entry: Entry, chunks: AsyncIterable<Uint8Array>, shift: number): void {
    let failure: Error | undefined
    const replaced = this.#options.stateMachine.restore(chunks).then(
      () => this.#restoration.moveTo(shift),
      (error: unknown) => {
        failure = new PraetorError('bad-request', 'failed to restore the snapshot', {
          cause: error,
        })
      },
    )
    this.#replaceWith({
      begin: () => replaced,
      done: () => {
        this.#applyEntries([this.#emptied(entry)], failure)
        this.#options.onApplied(this.#applied.index)
      },
    })
  }

  #replaceWith(replacement: Replacement): void {
    this.#replacing = this.#carryOut(replacement)
  }

  async #carryOut({ begin, done }: Replacement): Promise<void> {
    try {
      await begin().catch((error: unknown) => {
        // What is replaced anyway need not have succeeded: its snapshot may be gone by now.
        if (this.#next === null) throw error
      })
      const next = this.#next
      this.#next = null
      if (next !== null) return await this.#carryOut(next)
      this.#replacing = null
      done()
      this.#options.onMore()
    } catch (error) {
      this.#options.fatal(error as Error)
    }
  }

  /** What the state machine sees of an entry that is ours: that there was one. */
  #emptied(entry: Entry): Entry {
    return { index: entry.index + this.shift, term: entry.term, kind: 'noop', payload: nothing }
  }
}

/** Nothing is applied until it is done and `done` was called, or something newer has taken its place. */
interface Replacement {
  readonly begin: () => Promise<void>
  readonly done: () => void
}

const nothing = new Uint8Array(0)

const broken = (): PraetorError =>
  new PraetorError('failed', 'the snapshot was interrupted by another leader')

/** A snapshot begins with the shift, in a chunk of its own. */
async function* withShift(
  shift: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const first = Buffer.alloc(8)
  first.writeBigInt64LE(BigInt(shift))
  yield first
  yield* chunks
}

/** A snapshot's chunks as the state machine gave them. */
export async function* withoutShift(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* (await splitShift(chunks)).rest
}

async function splitShift(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly shift: number; readonly rest: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await iterator.next()
  assert(first.done !== true && first.value.length === 8, 'a snapshot begins with its shift')
  const shift = Number(Buffer.from(first.value).readBigInt64LE())
  return { shift, rest: { [Symbol.asyncIterator]: () => iterator } }
}
