import { join } from 'node:path'

import type { ListenAddress as ApiAddress } from '../api/listen.ts'
import { directoryPage } from '../api/page.ts'
import type { ApiSettings } from '../api/ports.ts'
import type { DnsSettings } from '../dns/settings.ts'
import type { ClientConfig } from '../server/client.ts'
import type { ClusterLimits } from '../server/cluster-limits.ts'
import { PraetorError } from '../server/model/errors.ts'
import { sessionTtlMinDefaultMs } from '../server/model/session.ts'
import type { PoolConfig } from '../server/pools.ts'
import type { ServerConfig } from '../server/server-config.ts'
import { accountIds } from './accounts.ts'
import type { AgentConfig, GossipConfig, ListenAddress } from './config/runtime.ts'
import { builtInPage } from './page.ts'
import { findRecursors } from './recursors.ts'

/** The parts of a configuration as each room asks for them: no room sees the whole. */
export function apiSettings(config: AgentConfig): ApiSettings {
  return {
    pretty: config.devMode,
    kvValueSizeMaxBytes: config.kvValueMaxBytes,
    txnSizeMaxBytes: config.txnRequestMaxBytes,
    defaultQueryTimeMs: config.defaultQueryTimeMs,
    maxQueryTimeMs: config.maxQueryTimeMs,
    uiEnabled: config.ui.enabled,
    page: config.ui.dir === '' ? builtInPage() : directoryPage(config.ui.dir),
    // At the root the page would stand before the API. Consul's root leads to itself for ever.
    uiContentPath: config.ui.contentPath === '/' ? '/ui/' : config.ui.contentPath,
    allowWriteFrom: config.http.allowWriteFrom,
    blockEndpoints: config.http.blockEndpoints,
    responseHeaders: config.http.responseHeaders,
    translateWanAddresses: config.translateWanAddresses,
    filterUnprintable: config.http.filterUnprintable,
    useCache: config.http.useCache,
    discoveryMaxStaleMs: config.discoveryMaxStaleMs,
    disableCoordinates: config.disableCoordinates,
    connectionsPerClientMax: config.http.connectionsPerClientMax,
  }
}

/** Rejects with a PraetorError where a recursor isn't to be found. */
export async function dnsSettings({ dns, domain, altDomain }: AgentConfig): Promise<DnsSettings> {
  return {
    domain: withoutDots(domain),
    altDomain: withoutDots(altDomain),
    nodeTtlSeconds: wholeSeconds(dns.nodeTtlMs),
    serviceTtlSeconds: Object.fromEntries(
      Object.entries(dns.serviceTtlMs).map(([name, ttlMs]) => [name, wholeSeconds(ttlMs)]),
    ),
    soa: dns.soa,
    onlyPassing: dns.onlyPassing,
    udpAnswerLimit: dns.udpAnswerLimit,
    enableTruncate: dns.enableTruncate,
    aRecordLimit: dns.aRecordLimit,
    disableCompression: dns.disableCompression,
    enableAdditionalNodeMetaTxt: dns.nodeMetaTxt,
    allowStale: dns.allowStale,
    maxStaleMs: dns.maxStaleMs,
    recursors: await findRecursors(dns.recursors),
    // Nothing said is as much as 0 said, to Consul's DNS client.
    recursorTimeoutMs: dns.recursorTimeoutMs === 0 ? 2000 : dns.recursorTimeoutMs,
  }
}

/** As every node takes part: how it is called, where it listens, how it gossips. */
export function clientConfig(config: AgentConfig, nodeId: string): ClientConfig {
  const { encryption } = config
  const key = new Uint8Array(Buffer.from(encryption.key, 'base64'))
  return {
    nodeName: config.nodeName,
    nodeId,
    datacenter: config.datacenter,
    address: config.advertiseAddress,
    bindAddress: config.bindAddress,
    serfLanPort: config.ports.serfLan,
    encryption: {
      key: key.length === 0 ? undefined : key,
      keyringDirectory: config.dataDir === '' ? undefined : join(config.dataDir, 'serf'),
      verifyIncoming: encryption.verifyIncoming,
      verifyOutgoing: encryption.verifyOutgoing,
    },
    pools: { lan: poolConfig(config.gossip.lan), wan: poolConfig(config.gossip.wan) },
    protocol: config.protocol,
    callRate: clusterLimits(config).callRate,
    retryJoin: config.retryJoin,
    rpcHoldMs: config.rpcHoldTimeoutMs,
  }
}

export function clusterLimits({ rpcLimits }: AgentConfig): ClusterLimits {
  const { callsPerSecond, burstMax, connectionsPerClientMax } = rpcLimits
  // Consul's own figure stands where nothing positive is said.
  const callRate = { callsPerSecond, burstMax: burstMax > 0 ? burstMax : 1000 }
  return { callRate, connectionsPerClientMax }
}

function poolConfig({
  bindAddress,
  allowedNetworks,
  reconnectTimeoutMs,
  ...gossip
}: GossipConfig): PoolConfig {
  const reaping = reconnectTimeoutMs === 0 ? {} : { reapFailedMs: reconnectTimeoutMs }
  return { bindAddress, allowedNetworks, gossip: { ...gossip, ...reaping } }
}

export function serverConfig(config: AgentConfig, nodeId: string): ServerConfig {
  return {
    ...clientConfig(config, nodeId),
    useTls: config.tls.caFile !== '' || config.tls.caPath !== '',
    connectionsPerClientMax: clusterLimits(config).connectionsPerClientMax,
    rpcHandshakeMs: config.tls.rpcHandshakeMs,
    serverPort: config.ports.server,
    serfWanPort: config.ports.serfWan,
    bootstrap: config.bootstrap && !config.devMode,
    expect: config.bootstrap ? 1 : config.bootstrapExpect,
    retryJoinWan: config.retryJoinWan,
    raftMultiplier: config.raft.multiplier,
    snapshotThresholdEntries: config.raft.snapshotThresholdEntries,
    trailingEntries: config.raft.trailingLogEntries,
    autopilot: config.raft.autopilot,
    sessionTtlMinMs: config.sessionTtlMinMs === 0 ? sessionTtlMinDefaultMs : config.sessionTtlMinMs,
    defaultQueryTimeMs: config.defaultQueryTimeMs,
    maxQueryTimeMs: config.maxQueryTimeMs,
    leaveDrainMs: config.leaveDrainMs,
  }
}

export async function listenAddress(address: ListenAddress): Promise<ApiAddress> {
  if (address.kind === 'tcp') return { host: address.host, port: address.port }
  const { uid, gid } = await accountIds(address).catch((error: Error) => {
    throw new PraetorError('failed', `unix_sockets: ${error.message}`)
  })
  return {
    socketPath: address.socketPath,
    ...(address.mode === undefined ? {} : { mode: address.mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  }
}

function withoutDots(domain: string): string {
  return domain.replace(/^\.+|\.+$/g, '')
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
