import type { CommandArgs, CommandName, CommandResult } from '../fsm/commands.ts'
import type { NodeCoordinate } from '../model/coordinate.ts'
import type {
  ReadMethod,
  ReadMethods,
  WriteId,
  WriteMethod,
  WriteMethods,
} from '../model/methods.ts'
import type { QueryOptions } from '../model/query.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Store } from '../state/store.ts'
import type { WatchSet } from '../state/watch.ts'

/**
 * One RPC method as a row of the method table (table.ts). A read is a plain function of the state; the caller in call.ts sees to
 * consistency, blocking, remembering and the answer's headers. A write checks what it was given in Consul's words, stamps what
 * only the leader may choose (ids, times), and proposes a command.
 */
export interface ReadEndpoint<M extends ReadMethod> {
  readonly kind: 'read'
  /**
   * The rows and the index they stand at (consul.md §2.2), filtered by `query.filter` and `query.nodeMeta` where Consul does.
   * What the answer depends on goes into `watch`, when given. Throws PraetorErrors.
   */
  readonly run: (
    store: Store,
    args: ReadMethods[M]['args'],
    query: QueryOptions,
    watch?: WatchSet,
  ) => ReadResult<ReadMethods[M]['reply']>
  /** Answers are costly to build and often asked for: keep them until something they depend on changes. */
  readonly remember?: true
  /**
   * The same rows, nearest to that node first. Apart from `run`, since coordinates change all the time: they move no index, wake
   * nobody, and spoil no remembered answer.
   */
  readonly arrange?: (
    store: Store,
    rows: ReadMethods[M]['reply'],
    near: string,
  ) => ReadMethods[M]['reply']
}

export interface ReadResult<Reply> {
  /** 0 and up; the caller makes it at least 1. */
  readonly index: number
  readonly value: Reply
  /**
   * Don't keep this answer, even if the method's answers are kept: it costs little, or its index may move without anybody being
   * woken. So it is for what isn't there: questions about names that don't exist are without number.
   */
  readonly remember?: false
}

export interface WriteEndpoint<M extends WriteMethod> {
  readonly kind: 'write'
  readonly run: (
    context: WriteContext,
    args: WriteMethods[M]['args'],
  ) => Promise<WriteMethods[M]['reply']>
}

/** What a write may use, on the leader. */
export interface WriteContext {
  readonly store: Store
  readonly clock: Clock
  readonly chance: Chance
  readonly datacenter: string
  readonly limits: { readonly sessionTtlMinMs: number }
  /** Resolves with what the command gave when it was applied, once it is durable. Rejects with a PraetorError. */
  readonly propose: Propose
  /** The same, with what is proposed known by the id: a write that comes twice is then carried out once. */
  readonly known: (id: WriteId) => WriteContext
  /** The leader's own memory of lock delays and session deadlines; it is not replicated. */
  readonly lockDelays: LockDelays
  readonly sessionDeadlines: SessionDeadlines
  /** Coordinates that wait to be written, many at a time; the leader's own memory too. */
  readonly coordinateUpdates: CoordinateUpdates
}

/** Proposes a command of server/fsm/commands.ts. */
export type Propose = <C extends CommandName>(
  command: C,
  args: CommandArgs<C>,
) => Promise<CommandResult<C>>

export interface LockDelays {
  /** Whether the key may be locked again at this moment. */
  isHeldBack(key: string): boolean
}

export interface CoordinateUpdates {
  /** Takes the place of an older one of the same node and segment that is not written yet. */
  add(update: NodeCoordinate): void
}

export interface SessionDeadlines {
  /** Starts the session's life anew. */
  renew(sessionId: string): void
}
