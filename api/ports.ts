import type { AutopilotState, RaftServer } from '../server/model/autopilot.ts'
import type { HealthCheck } from '../server/model/check.ts'
import type { DatacenterCoordinates } from '../server/model/coordinate.ts'
import type { CheckDefinition, ServiceDefinition } from '../server/model/definition.ts'
import type { KeyVerb, PoolKeyring } from '../server/model/keyring.ts'
import type { Member } from '../server/model/member.ts'
import type { Rpc } from '../server/model/methods.ts'
import type { Service } from '../server/model/service.ts'
import type { EventRequest, UserEvent } from '../server/model/user-event.ts'
import type { Page } from './page.ts'

/**
 * What HTTP asks of the node it runs on; agent/ports.ts satisfies it. Everything about the cluster goes through `rpc`. Methods that
 * fail reject with PraetorErrors whose text is the answer's body.
 */
export interface ApiPorts {
  readonly rpc: Rpc
  readonly agent: LocalAgent
  readonly status: ClusterStatus
  readonly snapshots: SnapshotArchive
  readonly operator: OperatorPort
  readonly gossip: GossipPort
  /** Absent where nobody may look into the process. */
  readonly profiler?: ProfilerPort
}

export interface ClusterStatus {
  /** The leader's RPC address, or '' when there is none. */
  leader(): Promise<string>
  /** The servers' RPC addresses. */
  peers(): Promise<readonly string[]>
  datacenters(): Promise<readonly string[]>
}

export interface SnapshotArchive {
  /** The whole state as a gzipped tar, with what to put into the headers. */
  save(options: { readonly stale: boolean }): Promise<{
    readonly index: number
    readonly lastContactMs: number
    readonly knownLeader: boolean
    readonly archive: AsyncIterable<Uint8Array>
  }>
  restore(archive: AsyncIterable<Uint8Array>): Promise<void>
}

/** What operators ask of consensus itself. Autopilot's settings are replicated, and so part of `rpc`. */
export interface OperatorPort {
  /** The leader's word for who takes part, or with `stale` this server's. */
  raftServers(options: { readonly stale: boolean }): Promise<readonly RaftServer[]>
  /** Rejects where no server has that id, or address. */
  removePeer(peer: { readonly id: string } | { readonly address: string }): Promise<void>
  /** Has that server lead, or the one that has most of the log. False: the leader still leads. */
  transferLeader(id: string | undefined): Promise<boolean>
  autopilotState(): Promise<AutopilotState>
}

/** What is asked of the pools that this node is in. */
export interface GossipPort {
  readonly events: EventPort
  readonly keyring: KeyringPort
  /** Where the servers of each data centre stand among those of all, the nearest data centre first. */
  datacenterCoordinates(): Promise<readonly DatacenterCoordinates[]>
}

export interface EventPort {
  /** The event as it was fired, in that data centre or, for '', in this one. */
  fire(
    request: EventRequest,
    options: { readonly datacenter: string; readonly token: string },
  ): Promise<UserEvent>
  /** The last events that were for this node, the oldest first. */
  recent(): readonly UserEvent[]
  /** Resolves when that holds of them, at once where it does; else when the wait is over or the signal fires. */
  until(
    holds: (events: readonly UserEvent[]) => boolean,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void>
}

export interface KeyringPort {
  /**
   * Has all members of this node's pools do that with their keyrings, and tells what came of it in each pool: the servers' of all
   * data centres first. That some did not do it is no rejection.
   */
  operate(operation: {
    readonly verb: KeyVerb
    /** In base64; empty for `list`. */
    readonly key: string
    /** Through how many others each answer comes as well: 0 to 5. */
    readonly relayFactor: number
    /** Only the pools of this data centre. */
    readonly localOnly: boolean
    readonly token: string
  }): Promise<readonly PoolKeyring[]>
}

/** Profiles of the process. One of each kind is taken at a time: whoever else asks is refused. */
export interface ProfilerPort {
  /** In the format of pprof, gzipped. */
  cpu(durationMs: number, signal: AbortSignal): Promise<Uint8Array>
  /** What ran when, as the JSON that Chrome's tools call a .cpuprofile. */
  timeline(durationMs: number, signal: AbortSignal): Promise<string>
  /** What was allocated and is in use. */
  heap(): Promise<Uint8Array>
  /** What the process waits for. */
  waiting(): Promise<Uint8Array>
  commandLine(): readonly string[]
}

/** A service as `/v1/agent/services` prints it: no indexes, and the two mesh fields only when they were given. */
export type AgentService = Omit<Service, 'CreateIndex' | 'ModifyIndex' | 'Proxy' | 'Connect'> &
  Partial<Pick<Service, 'Proxy' | 'Connect'>>

export interface LocalAgent {
  readonly nodeName: string
  readonly datacenter: string
  /** `/v1/agent/self`, whole. */
  self(): Promise<Readonly<Record<string, unknown>>>
  host(): Promise<Readonly<Record<string, unknown>>>
  version(): Readonly<Record<string, string>>
  /** None for a pool that this node isn't in. Throws a PraetorError for a segment that can't be. */
  members(options: { readonly wan: boolean; readonly segment: string }): readonly Member[] | null

  services(): Readonly<Record<string, AgentService>>
  checks(): Readonly<Record<string, HealthCheck>>
  service(id: string): AgentService | undefined
  /** Resolves when that service is registered, changed or deregistered, the wait is over, or the signal fires. */
  serviceChanged(id: string, waitMs: number, signal: AbortSignal): Promise<void>

  registerService(definition: ServiceDefinition, options: RegisterOptions): Promise<void>
  deregisterService(id: string, token: string): Promise<void>
  registerCheck(definition: CheckDefinition, options: { readonly token: string }): Promise<void>
  deregisterCheck(id: string, token: string): Promise<void>
  /** Sets a TTL check's status and, where given, its output. */
  updateTtl(
    checkId: string,
    status: 'passing' | 'warning' | 'critical',
    output: string,
  ): Promise<void>
  serviceMaintenance(id: string, enable: boolean, reason: string, token: string): Promise<void>
  nodeMaintenance(enable: boolean, reason: string, token: string): Promise<void>

  join(address: string, options: { readonly wan: boolean }): Promise<void>
  forceLeave(node: string, options: { readonly prune: boolean }): Promise<void>
  leave(): Promise<void>
  reload(): Promise<void>

  /** Log lines at this level and above, from now until the signal fires. Throws for an unknown level. */
  monitor(options: {
    readonly level: string
    readonly json: boolean
    readonly signal: AbortSignal
  }): AsyncIterable<string>

  metrics(): Readonly<Record<string, unknown>>
  /** The Prometheus text, or undefined where no retention time is configured. */
  prometheus(): string | undefined
}

export interface RegisterOptions {
  readonly token: string
  /** Checks of the service that the definition doesn't name go. */
  readonly replaceExistingChecks: boolean
}

/** The configuration that shapes HTTP itself. */
export interface ApiSettings {
  /** Pretty JSON without being asked, as `-dev` does. */
  readonly pretty: boolean
  readonly kvValueSizeMaxBytes: number
  readonly txnSizeMaxBytes: number
  readonly defaultQueryTimeMs: number
  readonly maxQueryTimeMs: number
  readonly uiEnabled: boolean
  readonly page: Page
  /** The path they are under. Begins and ends with a slash, and is not one alone. */
  readonly uiContentPath: string
  /** Networks in CIDR form that may write; empty: everybody may. */
  readonly allowWriteFrom: readonly string[]
  readonly blockEndpoints: readonly string[]
  readonly responseHeaders: Readonly<Record<string, string>>
  readonly translateWanAddresses: boolean
  /** Refuse paths with characters that can't be printed. */
  readonly filterUnprintable: boolean
  /** Heed `?cached`. */
  readonly useCache: boolean
  /** How old answers of the catalog and of health may be where the question doesn't say; 0 has the leader answer. */
  readonly discoveryMaxStaleMs: number
  /** Say of no node where it stands. */
  readonly disableCoordinates: boolean
  readonly connectionsPerClientMax: number
}
