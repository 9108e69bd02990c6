import { PraetorError, describeError } from '../model/errors.ts'
import { Backoff } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Applier } from './applier.ts'
import type { SnapshotChunk } from './core/messages.ts'
import type { RaftEvent, SnapshotOrder } from './core/output.ts'
import { describeFault } from './storage/disk-fault.ts'
import type { SnapshotStore, StoredSnapshot } from './storage/port.ts'
import { bounds, type EntryId, type Index, type SnapshotMeta } from './types.ts'

/**
 * When a server takes a snapshot by itself: after so many entries or so many bytes of them, whichever comes first, but not before
 * the log since the last is this share of its size. Else a large state would be written anew for every few writes.
 */
export interface SnapshotRhythm {
  readonly entriesMax: number
  readonly bytesMax: number
  readonly shareMin: number
}

/**
 * Consul's raft_snapshot_threshold; and so many bytes that a start need not read more than a second's worth. With half of the
 * state's size, snapshots write no more than twice what the log does, and a start reads no more than half as much of the log as
 * of the state.
 */
export const snapshotRhythm: SnapshotRhythm = {
  entriesMax: 16_384,
  bytesMax: 256 << 20,
  shareMin: 0.5,
}

/** What failed will most often fail again at once, and costs a whole snapshot each time. */
const retryTimes = { firstMs: 5_000, mostMs: 300_000 }

interface KeeperOptions<Result> {
  readonly applier: Applier<Result>
  readonly store: SnapshotStore
  readonly rhythm: SnapshotRhythm
  /** The core's word for what a snapshot of the state at `index` is. */
  readonly metaAt: (index: Index) => SnapshotMeta
  readonly emit: (event: RaftEvent) => void
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Takes snapshots, of its own accord and when asked, and carries the core's orders about them to the store. */
export class SnapshotKeeper<Result> {
  readonly #options: KeeperOptions<Result>
  readonly #closing = new AbortController()
  #taking: Promise<StoredSnapshot> | null = null
  /** One order at a time, so that parts are written in the order they came. */
  #orders: Promise<void> = Promise.resolve()
  #entries = 0
  #bytes = 0
  readonly #takingBackoff: Backoff
  readonly #storingBackoff: Backoff

  constructor(options: KeeperOptions<Result>) {
    this.#options = options
    this.#takingBackoff = new Backoff(options.clock, retryTimes)
    this.#storingBackoff = new Backoff(options.clock, retryTimes)
  }

  /** Told of what is handed to the state machine; takes a snapshot when that has become much. */
  noteEntries(entries: number, bytes: number): void {
    this.#entries += entries
    this.#bytes += bytes
  }

  /** Begins a snapshot if it is time for one. */
  takeIfDue(): void {
    const { applier, log } = this.#options
    if (!this.#isDue || this.#taking !== null) return
    if (!applier.isSettled || !this.#takingBackoff.isOver) return
    const [entries, bytes] = [this.#entries, this.#bytes]
    this.take().then(
      () => this.#takingBackoff.succeeded(),
      (error: unknown) => {
        if (this.#closing.signal.aborted) return
        this.noteEntries(entries, bytes)
        const retry_ms = this.#takingBackoff.failed()
        log.error(
          { error: describeFault(error), retry_ms },
          'failed to take snapshot: nothing is lost, but the log grows until one is taken',
        )
      },
    )
  }

  get #isDue(): boolean {
    const { rhythm, store } = this.#options
    if (this.#entries < rhythm.entriesMax && this.#bytes < rhythm.bytesMax) return false
    return this.#bytes >= (store.list()[0]?.sizeBytes ?? 0) * rhythm.shareMin
  }

  /** A snapshot of the state as it is now, or the one that is just being taken. */
  take(): Promise<StoredSnapshot> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = null
    })
    return this.#taking
  }

  async #take(): Promise<StoredSnapshot> {
    const { applier, clock, emit, log, metaAt, metrics, store } = this.#options
    this.#entries = 0
    this.#bytes = 0
    const index = applier.appliedIndex
    const newest = store.list()[0]
    if (newest?.meta.index === index) return newest
    if (index === 0) throw new PraetorError('failed', 'nothing new to snapshot')
    if (!applier.isSettled) throw new PraetorError('conflict', 'a snapshot is being restored')
    const startMs = clock.monotonicMs()
    const meta = metaAt(index)
    const picture = applier.picture()
    const pictureMs = clock.monotonicMs()
    metrics.sample('raft.fsm.snapshot', pictureMs - startMs)
    const stored = await store.write(meta, picture, this.#closing.signal)
    metrics.sample('raft.snapshot.persist', clock.monotonicMs() - pictureMs)
    metrics.sample('raft.snapshot.takeSnapshot', clock.monotonicMs() - startMs)
    log.info({ index, term: meta.term, bytes: stored.sizeBytes }, 'snapshot complete')
    emit({ kind: 'snapshotSaved', snapshot: meta })
    return stored
  }

  /** The log now begins after this snapshot, durably. */
  retain(id: EntryId): void {
    this.#enqueue(() => this.#options.store.retain(id))
  }

  carryOut(order: SnapshotOrder): void {
    this.#enqueue(() => (order.kind === 'stream' ? this.#stream(order) : this.#store(order)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new PraetorError('unavailable', 'raft is already shutdown'))
    await Promise.allSettled([this.#orders, this.#taking])
  }

  async #stream({ to, snapshot, offsetBytes }: Order<'stream'>): Promise<void> {
    const { emit, log, store } = this.#options
    try {
      const stored = store.list().find(({ meta }) => snapshot === null || isSame(meta, snapshot))
      if (stored === undefined) throw new PraetorError('failed', 'the snapshot is gone')
      const part = await store.readPart(stored.meta, offsetBytes, bounds.chunkBytesMax)
      emit({ kind: 'chunkRead', to, chunk: { snapshot: stored.meta, ...part } })
    } catch (error) {
      log.error({ to, error: describeError(error) }, 'failed to read a snapshot for a follower')
      emit({ kind: 'streamFailed', to })
    }
  }

  async #store({ from, chunk }: Order<'store'>): Promise<void> {
    const { emit, log, store } = this.#options
    // Whatever is answered, the leader would send more. What it hears nothing of it sends once more, and that now and then.
    if (!this.#storingBackoff.isOver) return
    try {
      const written = await store.writePart(chunk.snapshot, chunk)
      if (written.kind === 'whole') this.#storingBackoff.succeeded()
      if (written.kind === 'whole')
        emit({ kind: 'snapshotReceived', from, snapshot: written.stored.meta })
      else emit(chunkStored(from, chunk, written.nextOffsetBytes))
    } catch (error) {
      const retry_ms = this.#storingBackoff.failed()
      log.error(
        { from, error: describeFault(error), retry_ms },
        'failed to keep a snapshot from the leader: it will be sent again',
      )
    }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#orders = this.#orders.then(work).catch((error: unknown) => {
      this.#options.log.warn({ error: describeError(error) }, 'failed to tidy snapshots')
    })
  }
}

type Order<Kind> = Extract<SnapshotOrder, { readonly kind: Kind }>

function chunkStored(from: string, chunk: SnapshotChunk, nextOffsetBytes: number): RaftEvent {
  const { term, index } = chunk.snapshot
  return { kind: 'chunkStored', from, snapshot: { term, index }, nextOffsetBytes }
}

function isSame(left: EntryId, right: EntryId): boolean {
  return left.index === right.index && left.term === right.term
}
