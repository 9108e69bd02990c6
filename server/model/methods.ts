import type { AutopilotConfig, AutopilotConfigRow } from './autopilot.ts'
import type { HealthCheck, ServiceNode } from './check.ts'
import type { NodeCoordinate } from './coordinate.ts'
import type { Fence, KvEntry, KvWrite, KvWriteVerb } from './kv.ts'
import type { NodeDump } from './node-dump.ts'
import type { Node } from './node.ts'
import type { QueryMeta, QueryOptions } from './query.ts'
import type { Deregistration, Registration } from './registration.ts'
import type { CatalogService, Service } from './service.ts'
import type { Session } from './session.ts'
import type { TxnOp, TxnReply } from './txn.ts'

interface Method<Args, Reply> {
  readonly args: Args
  readonly reply: Reply
}

/** A method that asks for nothing but the whole. */
type NoArgs = Readonly<Record<string, never>>

/**
 * Every RPC method by Consul's name for it, with what it takes and what it gives. HTTP, DNS and the agent itself all speak to
 * the cluster through these and nothing else, so a client agent can carry the same call over the wire.
 *
 * A missing row is `undefined` or an empty list, never an error; errors are PraetorErrors.
 */
export interface ReadMethods {
  'KVS.Get': Method<{ Key: string }, KvEntry | undefined>
  'KVS.List': Method<{ Key: string }, readonly KvEntry[]>
  'KVS.ListKeys': Method<{ Prefix: string; Separator: string }, readonly string[]>
  'Session.Get': Method<{ SessionID: string }, readonly Session[]>
  'Session.List': Method<NoArgs, readonly Session[]>
  'Session.NodeSessions': Method<{ Node: string }, readonly Session[]>
  'Catalog.ListNodes': Method<NoArgs, readonly Node[]>
  /** Names with the distinct tags of all instances, sorted. */
  'Catalog.ListServices': Method<NoArgs, Readonly<Record<string, readonly string[]>>>
  'Catalog.ServiceNodes': Method<
    { ServiceName: string; ServiceTags?: readonly string[]; Connect?: boolean },
    readonly CatalogService[]
  >
  /** A node and its services; `undefined` for an unknown node. */
  'Catalog.NodeServices': Method<
    { Node: string },
    { readonly Node: Node; readonly Services: readonly Service[] } | undefined
  >
  'Health.ServiceNodes': Method<
    {
      ServiceName: string
      ServiceTags?: readonly string[]
      Connect?: boolean
      Ingress?: boolean
      /** Only instances all of whose checks (and their node's) pass. */
      PassingOnly?: boolean
    },
    readonly ServiceNode[]
  >
  'Health.NodeChecks': Method<{ Node: string }, readonly HealthCheck[]>
  'Health.ServiceChecks': Method<{ ServiceName: string }, readonly HealthCheck[]>
  'Health.ChecksInState': Method<{ State: string }, readonly HealthCheck[]>
  'Coordinate.ListNodes': Method<NoArgs, readonly NodeCoordinate[]>
  /** One for each segment that the node is in. */
  'Coordinate.Node': Method<{ Node: string }, readonly NodeCoordinate[]>
  'Internal.NodeInfo': Method<{ Node: string }, readonly NodeDump[]>
  'Internal.NodeDump': Method<NoArgs, readonly NodeDump[]>
  'Internal.ServiceDump': Method<NoArgs, readonly ServiceNode[]>
  'Operator.AutopilotGetConfiguration': Method<NoArgs, AutopilotConfigRow>
  'Txn.Read': Method<{ Ops: readonly TxnOp[] }, TxnReply>
}

export interface WriteMethods {
  /** False where the condition (cas, lock, unlock) did not hold. */
  'KVS.Apply': Method<{ Op: KvWriteVerb; DirEnt: KvWrite; Fences?: readonly Fence[] }, boolean>
  /** The session's id for `create`; for `destroy` the id given, whether it was there or not. */
  'Session.Apply': Method<
    { Op: 'create'; Session: SessionRequest } | { Op: 'destroy'; Session: { readonly ID: string } },
    string
  >
  /** The session, renewed; `undefined` if there is none. */
  'Session.Renew': Method<{ SessionID: string }, Session | undefined>
  'Catalog.Register': Method<Registration, void>
  'Catalog.Deregister': Method<Deregistration, void>
  /** Resolves when it is noted; it is written a little later. */
  'Coordinate.Update': Method<NodeCoordinate, void>
  /** False where the settings' ModifyIndex is not `AtIndex`. */
  'Operator.AutopilotSetConfiguration': Method<
    { Config: AutopilotConfig; AtIndex?: number },
    boolean
  >
  'Txn.Apply': Method<{ Ops: readonly TxnOp[]; Fences?: readonly Fence[] }, TxnReply>
}

/** What a client gives to make a session; what it leaves out is undefined here and gets its default from the server. */
export interface SessionRequest {
  readonly Name?: string
  readonly Node: string
  readonly LockDelayMs?: number
  readonly Behavior?: string
  readonly TTL?: string
  /** The older name of NodeChecks. Empty, or null in JSON, asks for no check of the node at all. */
  readonly Checks?: readonly string[]
  /** Null is kept, and shown. */
  readonly NodeChecks?: readonly string[] | null
  readonly ServiceChecks?: readonly { readonly ID: string; readonly Namespace: string }[]
}

export type ReadMethod = keyof ReadMethods
export type WriteMethod = keyof WriteMethods

export interface ReadReply<T> {
  readonly value: T
  readonly meta: QueryMeta
}

/** Who carries a write out asks for little: where, in whose name. */
export interface WriteOptions extends Pick<QueryOptions, 'datacenter' | 'token' | 'signal'> {
  /** Which write this is, where it may be sent twice. */
  readonly id?: WriteId
}

/**
 * Names one write for ever. A server that forwards writes gives each of them one, so that a leader which was asked a second
 * time, the first answer being lost, can give that answer again instead of writing again.
 */
export interface WriteId {
  /** The id of the server that forwards. */
  readonly origin: string
  /** New with every start of that server: its sequence begins anew then. */
  readonly epoch: string
  /**
   * Never given twice in an epoch, and of the same remainder by `writesUnderWayMax` one after the other: when a number comes, all
   * smaller ones of its remainder are over.
   */
  readonly sequence: number
}

/** Writes of one server that can be under way at once, and so outcomes that are remembered of it. */
export const writesUnderWayMax = 16_384

/** The cluster as its users see it. Both a server and, later, a client agent give one. */
export interface Rpc {
  /**
   * Reads answer at once unless `minIndex` asks to block. Rejects with a PraetorError; with an error read of a blocked method
   * whose asker went away, with an AbortError.
   */
  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options?: QueryOptions,
  ): Promise<ReadReply<ReadMethods[M]['reply']>>
  /** Resolves once the write is durable on a quorum and applied here. */
  write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options?: WriteOptions,
  ): Promise<WriteMethods[M]['reply']>
}
