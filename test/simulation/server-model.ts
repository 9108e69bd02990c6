import type { AppendBatch, Role } from '../../server/raft/core/output.ts'
import { emptyHardState } from '../../server/raft/types.ts'
import type {
  EntryId,
  HardState,
  Index,
  Membership,
  NodeId,
  Recovered,
} from '../../server/raft/types.ts'
import { ModelLog, type ModelEntry } from './model-log.ts'
import { hold } from './violation.ts'

/** What the judges know of one server: its log as it gave it to the disk, and as the disk has acknowledged it. */
export class ServerModel {
  readonly id: NodeId
  log = new ModelLog()
  durable = new ModelLog()
  durableState: HardState = emptyHardState
  /** Given to the disk, and not acknowledged. */
  #pending: AppendBatch[] = []
  role: Role = 'follower'
  term = 0
  commit: Index = 0
  applied: Index = 0
  isKnown = false
  /** By its own clock: the last turn, and when it last answered a heartbeat. */
  toldMs = 0
  promisedMs = -Infinity
  /** When each read was asked, and the newest heartbeat that each other answered was sent. */
  readonly reads = new Map<number, { readonly askedMs: number; isConfirmed: boolean }>()
  readonly answeredMs = new Map<NodeId, number>()
  /** Its last vote for another. */
  vote: { readonly term: number; readonly to: NodeId | null } = { term: 0, to: null }
  /** The membership that the core goes by, and the newest in its log: looked at when either is another. */
  goesBy: Membership | null = null
  should: Membership | null = null

  constructor(id: NodeId) {
    this.id = id
  }

  append(batch: AppendBatch, committed: (id: EntryId) => ModelEntry): void {
    this.log.write(batch, committed)
    this.#pending.push(batch)
  }

  /** The disk has everything up to this batch. */
  acknowledged(seq: number, committed: (id: EntryId) => ModelEntry): void {
    while (this.#pending[0] !== undefined && this.#pending[0].seq <= seq)
      this.#land(this.#pending.shift() as AppendBatch, committed)
  }

  /**
   * A process begins with what the disk holds: everything that was acknowledged, then perhaps some of what was on its way, in
   * order and whole.
   */
  restarted(recovered: Recovered, committed: (id: EntryId) => ModelEntry): void {
    if (!this.isKnown) this.#learn(recovered, committed)
    const { hardState, log } = recovered
    const isFound = (): boolean =>
      this.durable.lastIndex === log.lastIndex() &&
      this.durableState.term === hardState.term &&
      this.durableState.vote === hardState.vote &&
      this.#differs(recovered) === null
    while (!isFound()) {
      const batch = this.#pending.shift()
      hold(
        batch !== undefined,
        'Durability',
        () =>
          `${this.id} found entries through ${log.lastIndex()}, term ${hardState.term} and vote ${hardState.vote} on its disk, ` +
          `which had acknowledged ${this.durable.lastIndex}, ${this.durableState.term} and ${this.durableState.vote}` +
          (this.#differs(recovered) ?? ''),
      )
      this.#land(batch, committed)
    }
    this.#pending = []
    this.reads.clear()
    this.answeredMs.clear()
    this.log = this.durable.copy()
    this.role = 'follower'
    this.term = hardState.term
    this.commit = Math.max(hardState.commit, recovered.snapshot?.index ?? 0)
    this.applied = recovered.snapshot?.index ?? 0
  }

  #land(batch: AppendBatch, committed: (id: EntryId) => ModelEntry): void {
    this.durable.write(batch, committed)
    if (batch.hardState !== null) this.durableState = batch.hardState
  }

  /** The first entry, if any, that is not the one that was written. */
  #differs({ log }: Recovered): string | null {
    for (let index = log.lastIndex(); index >= log.firstIndex(); index -= 1) {
      const known = this.durable.at(index)
      if (known === undefined) break
      if (known.term !== log.term(index)) return `; entry ${index} has term ${log.term(index)}`
    }
    return null
  }

  #learn(recovered: Recovered, committed: (id: EntryId) => ModelEntry): void {
    const { hardState, log, snapshot } = recovered
    this.isKnown = true
    this.durableState = hardState
    if (snapshot !== null) this.durable.reset(snapshot, committed(snapshot))
    const first = Math.max(log.firstIndex(), (snapshot?.index ?? 0) + 1)
    for (let index = first; index <= log.lastIndex(); index += 1)
      for (const entry of log.entries(index, index, Infinity)) this.durable.push(entry)
  }
}
