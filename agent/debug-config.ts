import { formatDuration } from '../server/model/duration.ts'
import { hostPort } from '../server/model/host-port.ts'
import { consulVersion } from '../server/model/version.ts'
import { cipherSuites } from '../server/tls/options.ts'
import type { AgentConfig, ListenAddress } from './config/runtime.ts'

/**
 * `DebugConfig` of `/v1/agent/self`: the configuration as it is in force, under the names that Consul's own has. What isn't
 * configurable here is left out rather than claimed.
 */
export function debugConfig(
  config: AgentConfig,
  nodeId: string,
): Readonly<Record<string, unknown>> {
  const { ports, http, dns, tls, telemetry, log, raft, ui } = config
  return {
    ACLsEnabled: false,
    AdvertiseAddrLAN: config.advertiseAddress,
    AdvertiseAddrWAN: config.advertiseAddressWan,
    AllowWriteHTTPFrom: http.allowWriteFrom,
    BindAddr: config.bindAddress,
    Bootstrap: config.bootstrap,
    BootstrapExpect: config.bootstrapExpect,
    CAFile: tls.caFile,
    CAPath: tls.caPath,
    CertFile: tls.certFile,
    CheckOutputMaxSize: config.checkOutputMaxBytes,
    CheckUpdateInterval: formatDuration(config.checkUpdateIntervalMs),
    Checks: config.checks,
    ClientAddrs: config.clientAddresses,
    ConnectEnabled: false,
    DNSARecordLimit: dns.aRecordLimit,
    DNSAddrs: dns.listen.flatMap((address) => [
      `tcp://${print(address)}`,
      `udp://${print(address)}`,
    ]),
    DNSAllowStale: dns.allowStale,
    DNSAltDomain: config.altDomain,
    DNSDisableCompression: dns.disableCompression,
    DNSDomain: config.domain,
    DNSEnableTruncate: dns.enableTruncate,
    DNSMaxStale: formatDuration(dns.maxStaleMs),
    DNSNodeMetaTXT: dns.nodeMetaTxt,
    DNSNodeTTL: formatDuration(dns.nodeTtlMs),
    DNSOnlyPassing: dns.onlyPassing,
    DNSPort: ports.dns,
    DNSSOA: {
      Expire: dns.soa.expireSeconds,
      Minttl: dns.soa.minTtlSeconds,
      Refresh: dns.soa.refreshSeconds,
      Retry: dns.soa.retrySeconds,
    },
    DNSServiceTTL: Object.fromEntries(
      Object.entries(dns.serviceTtlMs).map(([name, ttlMs]) => [name, formatDuration(ttlMs)]),
    ),
    DNSUDPAnswerLimit: dns.udpAnswerLimit,
    DataDir: config.dataDir,
    Datacenter: config.datacenter,
    DefaultQueryTime: formatDuration(config.defaultQueryTimeMs),
    DevMode: config.devMode,
    DisableHostNodeID: config.disableHostNodeId,
    DisableRemoteExec: !config.remoteExec,
    DiscardCheckOutput: config.discardCheckOutput,
    EnableAgentTLSForChecks: tls.forChecks,
    EnableDebug: config.enableDebug,
    EnableLocalScriptChecks: config.scriptChecks.local,
    EnableRemoteScriptChecks: config.scriptChecks.remote,
    EnableUI: ui.enabled,
    EncryptKey: 'hidden',
    EncryptVerifyIncoming: config.encryption.verifyIncoming,
    EncryptVerifyOutgoing: config.encryption.verifyOutgoing,
    GRPCPort: ports.grpc,
    HTTPAddrs: http.listen.map(printAny),
    HTTPBlockEndpoints: http.blockEndpoints,
    HTTPMaxConnsPerClient: http.connectionsPerClientMax,
    HTTPPort: ports.http,
    HTTPResponseHeaders: http.responseHeaders,
    HTTPSAddrs: http.listenSecurely.map(printAny),
    HTTPSHandshakeTimeout: formatDuration(tls.httpsHandshakeMs),
    HTTPSPort: ports.https,
    KVMaxValueSize: config.kvValueMaxBytes,
    KeyFile: 'hidden',
    LeaveDrainTime: formatDuration(config.leaveDrainMs),
    LeaveOnTerm: config.leaveOnTerminate,
    Logging: {
      LogFilePath: log.file,
      LogJSON: log.json,
      LogLevel: log.level,
      LogRotateBytes: log.rotateBytes,
      LogRotateDuration: formatDuration(log.rotateDurationMs),
      LogRotateMaxFiles: log.rotateFilesMax,
    },
    MaxQueryTime: formatDuration(config.maxQueryTimeMs),
    NodeID: nodeId,
    NodeMeta: config.nodeMeta,
    NodeName: config.nodeName,
    PidFile: config.pidFile,
    PrimaryDatacenter: config.datacenter,
    RPCHandshakeTimeout: formatDuration(tls.rpcHandshakeMs),
    RPCHoldTimeout: formatDuration(config.rpcHoldTimeoutMs),
    RaftSnapshotInterval: formatDuration(raft.snapshotIntervalMs),
    RaftSnapshotThreshold: raft.snapshotThresholdEntries,
    RaftTrailingLogs: raft.trailingLogEntries,
    RejoinAfterLeave: config.rejoinAfterLeave,
    Revision: '',
    SerfPortLAN: ports.serfLan,
    SerfPortWAN: ports.serfWan,
    ServerMode: config.server,
    ServerName: tls.serverName,
    ServerPort: ports.server,
    Services: config.services,
    SessionTTLMin: formatDuration(config.sessionTtlMinMs),
    SkipLeaveOnInt: config.skipLeaveOnInterrupt,
    TaggedAddresses: config.taggedAddresses,
    Telemetry: {
      AllowedPrefixes: telemetry.allowedPrefixes,
      BlockedPrefixes: telemetry.blockedPrefixes,
      DisableHostname: telemetry.disableHostname,
      FilterDefault: telemetry.filterDefault,
      MetricsPrefix: telemetry.metricsPrefix,
      PrometheusRetentionTime: formatDuration(telemetry.prometheusRetentionMs),
    },
    TLSCipherSuites: tls.cipherSuites.map((name) => cipherSuites[name]?.[1]),
    TLSMinVersion: tls.minVersion,
    TLSPreferServerCipherSuites: tls.preferServerCipherSuites,
    TranslateWANAddrs: config.translateWanAddresses,
    TxnMaxReqLen: config.txnRequestMaxBytes,
    UIContentPath: ui.contentPath,
    UIDir: ui.dir,
    VerifyIncoming: tls.verifyIncoming,
    VerifyIncomingHTTPS: tls.verifyIncomingHttps,
    VerifyIncomingRPC: tls.verifyIncomingRpc,
    VerifyOutgoing: tls.verifyOutgoing,
    VerifyServerHostname: tls.verifyServerHostname,
    Version: consulVersion,
    VersionPrerelease: '',
    Watches: config.watches.map(() => ({})),
  }
}

function printAny(address: ListenAddress): string {
  return address.kind === 'unix' ? `unix://${address.socketPath}` : `tcp://${print(address)}`
}

function print({ host, port }: Extract<ListenAddress, { kind: 'tcp' }>): string {
  return hostPort(host, port)
}
