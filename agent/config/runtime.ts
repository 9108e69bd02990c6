import type { AutopilotConfig } from '../../server/model/autopilot.ts'
import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import type { TlsOptions } from '../../server/tls/options.ts'
import type { LogLevel } from '../logging.ts'
import type { WatchDefinition } from '../watch/definition.ts'

/**
 * The configuration an agent runs by: every option resolved, checked and in the program's own units. Nothing behind this type
 * reads a file, a flag or a default again. Made by loadConfig (load.ts).
 */
export interface AgentConfig {
  /** `-dev`: nothing is written to disk and one server is a whole cluster. */
  readonly devMode: boolean

  readonly datacenter: string
  readonly nodeName: string
  /** `''`: the one kept in the data directory, or a new one. */
  readonly nodeId: string
  /** A new node id is random, never made from what the host says of itself. */
  readonly disableHostNodeId: boolean
  readonly nodeMeta: Readonly<Record<string, string>>
  /** Lower case, with the dot at the end: `consul.`. */
  readonly domain: string
  /** As `domain`; `''` for none. */
  readonly altDomain: string

  readonly server: boolean
  /** May elect itself with no other server known: `bootstrap = true` or `bootstrap_expect = 1`, and always with `-dev`. */
  readonly bootstrap: boolean
  readonly bootstrapExpect: number
  readonly retryJoin: RetryJoinConfig
  readonly retryJoinWan: RetryJoinConfig

  /** `''` only with `-dev`. */
  readonly dataDir: string
  /** `''` for none. */
  readonly pidFile: string

  /** What cluster ports bind to. */
  readonly bindAddress: string
  readonly clientAddresses: readonly string[]
  readonly advertiseAddress: string
  readonly advertiseAddressWan: string
  /** `lan`, `wan` and their `_ipv4` and `_ipv6` forms, as the catalog's node row has them. */
  readonly taggedAddresses: Readonly<Record<string, string>>
  readonly translateWanAddresses: boolean
  readonly ports: PortsConfig
  readonly encryption: EncryptionConfig
  readonly tls: TlsConfig
  readonly gossip: { readonly lan: GossipConfig; readonly wan: GossipConfig }
  /** Consul's protocol version, and Raft's; that 0 stands for the newest. */
  readonly protocol: number
  readonly raftProtocol: number
  readonly nonVotingServer: boolean

  readonly http: HttpConfig
  readonly dns: DnsConfig
  readonly ui: UiConfig

  readonly services: readonly ServiceDefinition[]
  readonly checks: readonly CheckDefinition[]
  readonly watches: readonly WatchDefinition[]
  /** Whether commands are run that `exec` asks for. */
  readonly remoteExec: boolean
  readonly checkUpdateIntervalMs: number
  /** Whether checks may run commands that files of this host ask for, and that clients do. */
  readonly scriptChecks: { readonly local: boolean; readonly remote: boolean }
  readonly discardCheckOutput: boolean
  /** Profiles of the process may be asked for over HTTP. */
  readonly enableDebug: boolean
  readonly checkOutputMaxBytes: number

  /** 0: reads of the catalog and of health go to the leader where they don't say otherwise. */
  readonly discoveryMaxStaleMs: number
  readonly sessionTtlMinMs: number
  readonly defaultQueryTimeMs: number
  readonly maxQueryTimeMs: number
  readonly kvValueMaxBytes: number
  readonly txnRequestMaxBytes: number

  readonly leaveOnTerminate: boolean
  readonly skipLeaveOnInterrupt: boolean
  readonly disableCoordinates: boolean
  readonly rejoinAfterLeave: boolean
  readonly rpcLimits: RpcLimitsConfig
  readonly leaveDrainMs: number
  readonly rpcHoldTimeoutMs: number

  readonly raft: RaftConfig
  readonly log: LogConfig
  readonly telemetry: TelemetryConfig
}

/** Whom to look for at the start. */
export interface RetryJoinConfig {
  /** Members to contact until one answers: `host` or `host:port`. */
  readonly addresses: readonly string[]
  readonly intervalMs: number
  /** 0 tries for ever. */
  readonly attemptsMax: number
}

/** Where a pool is, and how fast. */
export interface GossipConfig {
  readonly bindAddress: string
  /** In CIDR form; empty for everywhere. */
  readonly allowedNetworks: readonly string[]
  readonly gossipIntervalMs: number
  readonly gossipNodes: number
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly retransmitMult: number
  readonly suspicionMult: number
  /** How long a failed member is remembered; 0 for as long as it is usual. */
  readonly reconnectTimeoutMs: number
}

/** Of gossip. */
export interface EncryptionConfig {
  /** As given, in base64; `''` for none. */
  readonly key: string
  readonly verifyIncoming: boolean
  readonly verifyOutgoing: boolean
}

export interface TlsConfig extends TlsOptions {
  /** 0 for no limit. */
  readonly rpcHandshakeMs: number
  readonly httpsHandshakeMs: number
}

/** 0 and less for no limit. */
export interface RpcLimitsConfig {
  /** Of a client. */
  readonly callsPerSecond: number
  readonly burstMax: number
  /** Of who connects to a server. */
  readonly connectionsPerClientMax: number
}

/** -1 where a port is off. */
export interface PortsConfig {
  readonly http: number
  readonly https: number
  readonly grpc: number
  readonly dns: number
  readonly server: number
  readonly serfLan: number
  readonly serfWan: number
  /** From which sidecars get theirs. */
  readonly sidecar: { readonly min: number; readonly max: number }
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'unix'
      readonly socketPath: string
      /** Names or numeric ids as given; `''` leaves what the process has. */
      readonly user: string
      readonly group: string
      /** Permission bits; absent leaves what the umask gives. */
      readonly mode?: number
    }

export interface HttpConfig {
  /** Empty where HTTP is off (`ports.http = -1`). */
  readonly listen: readonly ListenAddress[]
  /** Over TLS; empty where that is off, as it is when nobody says. */
  readonly listenSecurely: readonly ListenAddress[]
  /** Path prefixes that answer 403. */
  readonly blockEndpoints: readonly string[]
  readonly responseHeaders: Readonly<Record<string, string>>
  /** Networks in CIDR form that may write; empty: everybody may. */
  readonly allowWriteFrom: readonly string[]
  /** Whether paths with characters that can't be printed are refused. */
  readonly filterUnprintable: boolean
  /** Whether `?cached` is heeded. */
  readonly useCache: boolean
  readonly connectionsPerClientMax: number
}

export interface DnsConfig {
  /** Every address is for UDP and TCP both. Empty where DNS is off. */
  readonly listen: readonly (ListenAddress & { readonly kind: 'tcp' })[]
  readonly allowStale: boolean
  readonly maxStaleMs: number
  readonly nodeTtlMs: number
  /** By service name, by prefix (`web*`) or `*`. */
  readonly serviceTtlMs: Readonly<Record<string, number>>
  readonly enableTruncate: boolean
  readonly onlyPassing: boolean
  readonly disableCompression: boolean
  /** 0 for no limit. */
  readonly aRecordLimit: number
  readonly udpAnswerLimit: number
  readonly nodeMetaTxt: boolean
  /** Servers to ask for other names, each a host or `host:port`. */
  readonly recursors: readonly string[]
  readonly recursorTimeoutMs: number
  readonly soa: {
    readonly refreshSeconds: number
    readonly retrySeconds: number
    readonly expireSeconds: number
    readonly minTtlSeconds: number
  }
}

export interface UiConfig {
  readonly enabled: boolean
  /** A directory to serve in place of the built-in pages; `''` for none. */
  readonly dir: string
  /** Begins and ends with a slash. */
  readonly contentPath: string
}

export interface RaftConfig {
  /** Scales the timeouts of elections: 1 is the quickest, 5 Consul's default. */
  readonly multiplier: number
  readonly snapshotIntervalMs: number
  readonly snapshotThresholdEntries: number
  readonly trailingLogEntries: number
  /** With what autopilot begins in a new cluster; later its settings are the cluster's own. */
  readonly autopilot: AutopilotConfig
}

export interface LogConfig {
  readonly level: LogLevel
  readonly json: boolean
  /** `''` where the host's syslog is not wanted. */
  readonly syslogFacility: string
  /** `''` for none. A path that ends in a slash is a directory. */
  readonly file: string
  readonly rotateBytes: number
  readonly rotateDurationMs: number
  /** Archives kept: 0 keeps all, -1 none. */
  readonly rotateFilesMax: number
}

export interface TelemetryConfig {
  /** 0: `?format=prometheus` is off. */
  readonly prometheusRetentionMs: number
  readonly disableHostname: boolean
  readonly metricsPrefix: string
  readonly allowedPrefixes: readonly string[]
  readonly blockedPrefixes: readonly string[]
  /** Whether a metric that no prefix names is kept. */
  readonly filterDefault: boolean
}
