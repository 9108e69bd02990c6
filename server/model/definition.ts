import type { ServiceAddress, Weights } from './service.ts'

/**
 * What an operator or a client writes to have an agent keep a service or a check: the body of a registration and a `service` or
 * `check` block of a configuration file. definition-fields.ts reads both into these.
 *
 * What was left out has Go's zero value (`''`, `0`, `false`, an empty list or map), since that is how Consul tells "not given"
 * too; only the parts that mean something by being there at all are optional. Durations are milliseconds and say so in their
 * names: `Interval: "10s"` becomes `IntervalMs: 10000`.
 */
export interface ServiceDefinition {
  /** `''` for a plain service, else `connect-proxy`, `mesh-gateway`, …; unknown kinds are kept as given. */
  readonly Kind: string
  /** `''` means: the name. */
  readonly ID: string
  readonly Name: string
  readonly Tags: readonly string[]
  readonly Address: string
  readonly TaggedAddresses: Readonly<Record<string, ServiceAddress>>
  readonly Meta: Readonly<Record<string, string>>
  readonly Port: number
  readonly EnableTagOverride: boolean
  readonly Token: string
  /** Absent means one for passing and one for warning. */
  readonly Weights?: Weights
  /** `Check` first where it was given, then `Checks`; their `ServiceID` and `Token` are `''`. */
  readonly Checks: readonly CheckDefinition[]
  readonly Proxy?: ProxyDefinition
  readonly Connect?: ConnectDefinition
}

export interface CheckDefinition {
  /** `''` means: made from the service's id, or the check's name. */
  readonly CheckID: string
  readonly Name: string
  readonly Notes: string
  /** The service it belongs to; `''` for a check of the whole node. */
  readonly ServiceID: string
  readonly Token: string
  /** What to say until the first result: `''` means critical. */
  readonly Status: string
  /** The command and its arguments, where the check runs one. */
  readonly ScriptArgs: readonly string[]
  readonly Shell: string
  readonly DockerContainerID: string
  /** A URL. */
  readonly HTTP: string
  readonly Header: Readonly<Record<string, readonly string[]>>
  readonly Method: string
  readonly Body: string
  /** `host:port`. */
  readonly TCP: string
  /** `host:port`. */
  readonly UDP: string
  /** `host:port` or `host:port/service`. */
  readonly GRPC: string
  readonly GRPCUseTLS: boolean
  readonly TLSSkipVerify: boolean
  /** `host:port` of an HTTP/2 server. */
  readonly H2PING: string
  /** True unless it is said. */
  readonly H2PingUseTLS: boolean
  /** A unit of the host's service manager. */
  readonly OSService: string
  readonly AliasNode: string
  readonly AliasService: string
  readonly IntervalMs: number
  readonly TimeoutMs: number
  readonly TTLMs: number
  /** How long a service may be critical before it is deregistered; 0 means for ever. */
  readonly DeregisterCriticalServiceAfterMs: number
  readonly SuccessBeforePassing: number
  readonly FailuresBeforeCritical: number
  /** Bytes of output kept; 0 means the agent's own limit. */
  readonly OutputMaxSize: number
}

/** Kept in Consul's spelling until the mesh gives it meaning; a key that was not given is absent. */
export type ProxyDefinition = Readonly<Record<string, unknown>>

/** A type, not an interface, so that it is the plain record that the catalog keeps. */
export type ConnectDefinition = Readonly<{ Native?: boolean; SidecarService?: ServiceDefinition }>

/** A check of which nothing is given: what a definition starts from. */
export const emptyCheckDefinition: CheckDefinition = {
  CheckID: '',
  Name: '',
  Notes: '',
  ServiceID: '',
  Token: '',
  Status: '',
  ScriptArgs: [],
  Shell: '',
  DockerContainerID: '',
  HTTP: '',
  Header: {},
  Method: '',
  Body: '',
  TCP: '',
  UDP: '',
  GRPC: '',
  GRPCUseTLS: false,
  TLSSkipVerify: false,
  H2PING: '',
  H2PingUseTLS: true,
  OSService: '',
  AliasNode: '',
  AliasService: '',
  IntervalMs: 0,
  TimeoutMs: 0,
  TTLMs: 0,
  DeregisterCriticalServiceAfterMs: 0,
  SuccessBeforePassing: 0,
  FailuresBeforeCritical: 0,
  OutputMaxSize: 0,
}

/** A service of which nothing is given. */
export const emptyServiceDefinition: ServiceDefinition = {
  Kind: '',
  ID: '',
  Name: '',
  Tags: [],
  Address: '',
  TaggedAddresses: {},
  Meta: {},
  Port: 0,
  EnableTagOverride: false,
  Token: '',
  Checks: [],
}
