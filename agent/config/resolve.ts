import { isIPv4 } from 'node:net'

import { defaultAutopilotConfig } from '../../server/model/autopilot.ts'
import { parseDuration } from '../../server/model/duration.ts'
import { cipherSuites } from '../../server/tls/options.ts'
import { parseLogLevel } from '../logging.ts'
import {
  isAny,
  isNetwork,
  isSocket,
  listenAddresses,
  privateAddress,
  readAddress,
  readAddresses,
} from './addresses.ts'
import type { Addresses, SocketOwner } from './addresses.ts'
import type { Host } from './host.ts'
import { options } from './options.ts'
import type { OptionPath, OptionValue } from './options.ts'
import type {
  AgentConfig,
  DnsConfig,
  GossipConfig,
  HttpConfig,
  ListenAddress,
  PortsConfig,
  TelemetryConfig,
  TlsConfig,
  UiConfig,
} from './runtime.ts'
import type { Settings } from './settings.ts'

export interface Resolved {
  readonly config: AgentConfig
  /** Values that can't be read for what they should be: lines without the bullet. */
  readonly invalid: readonly string[]
}

/** Settings with the defaults filled in and every value in the program's own units. Whether they make sense is validate.ts's question. */
export function resolve(settings: Settings, host: Host, devMode: boolean): Resolved {
  const resolving = new Resolving(settings)
  const config = resolving.config(host, devMode)
  return { config, invalid: resolving.invalid }
}

/** The value of a setting, given or default. */
export function settingOf<Path extends OptionPath>(
  settings: Settings,
  path: Path,
): OptionValue<Path> {
  return (settings.values.get(path) ?? options[path].initial) as OptionValue<Path>
}

type DurationPath = {
  [Path in OptionPath]: OptionValue<Path> extends string ? Path : never
}[OptionPath]

class Resolving {
  readonly invalid: string[] = []
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  config(host: Host, devMode: boolean): AgentConfig {
    const server = this.#get('server')
    const bootstrapExpect = this.#get('bootstrap_expect')
    const [bindAddress = ''] = this.#addresses(readAddresses('bind_addr', this.#get('bind_addr')))
    const clientAddresses = this.#addresses(readAddresses('client_addr', this.#get('client_addr')))
    const ports = this.#ports()
    const advertised = this.#advertised(bindAddress, host)
    return {
      devMode,
      datacenter: this.#get('datacenter').toLowerCase(),
      nodeName: this.#get('node_name') || host.name,
      nodeId: this.#get('node_id').toLowerCase(),
      disableHostNodeId: this.#get('disable_host_node_id'),
      nodeMeta: this.#get('node_meta'),
      domain: toDomain(this.#get('domain')),
      altDomain: toDomain(this.#get('alt_domain')),
      server,
      bootstrap: devMode || this.#get('bootstrap') || bootstrapExpect === 1,
      bootstrapExpect,
      retryJoin: {
        addresses: [...this.#get('start_join'), ...this.#get('retry_join')],
        intervalMs: this.#ms('retry_interval'),
        attemptsMax: this.#get('retry_max'),
      },
      retryJoinWan: {
        addresses: [...this.#get('start_join_wan'), ...this.#get('retry_join_wan')],
        intervalMs: this.#ms('retry_interval_wan'),
        attemptsMax: this.#get('retry_max_wan'),
      },
      dataDir: this.#get('data_dir'),
      pidFile: this.#get('pid_file'),
      bindAddress,
      clientAddresses,
      ...advertised,
      translateWanAddresses: this.#get('translate_wan_addrs'),
      ports,
      encryption: {
        key: this.#get('encrypt'),
        verifyIncoming: this.#get('encrypt_verify_incoming'),
        verifyOutgoing: this.#get('encrypt_verify_outgoing'),
      },
      gossip: {
        lan: this.#gossip('lan', 'reconnect_timeout', bindAddress),
        wan: this.#gossip('wan', 'reconnect_timeout_wan', bindAddress),
      },
      protocol: this.#get('protocol') === 0 ? options.protocol.initial : this.#get('protocol'),
      raftProtocol: this.#get('raft_protocol'),
      nonVotingServer: this.#get('non_voting_server'),
      tls: this.#tls(),
      http: this.#http(clientAddresses, ports),
      dns: this.#dns(clientAddresses, ports.dns),
      ui: this.#ui(),
      services: this.#settings.services,
      checks: this.#settings.checks,
      watches: this.#get('watches'),
      remoteExec: !this.#get('disable_remote_exec'),
      checkUpdateIntervalMs: this.#ms('check_update_interval'),
      scriptChecks: {
        local: this.#get('enable_local_script_checks') || this.#get('enable_script_checks'),
        remote: this.#get('enable_script_checks'),
      },
      enableDebug: this.#get('enable_debug'),
      discardCheckOutput: this.#get('discard_check_output'),
      checkOutputMaxBytes: this.#get('check_output_max_size'),
      discoveryMaxStaleMs: this.#ms('discovery_max_stale'),
      sessionTtlMinMs: this.#ms('session_ttl_min'),
      defaultQueryTimeMs: this.#ms('default_query_time'),
      maxQueryTimeMs: this.#ms('max_query_time'),
      kvValueMaxBytes: this.#get('limits.kv_max_value_size'),
      txnRequestMaxBytes: this.#get('limits.txn_max_req_len'),
      leaveOnTerminate: this.#get('leave_on_terminate') ?? !server,
      skipLeaveOnInterrupt: this.#get('skip_leave_on_interrupt') ?? server,
      disableCoordinates: this.#get('disable_coordinates'),
      rejoinAfterLeave: this.#get('rejoin_after_leave'),
      rpcLimits: {
        callsPerSecond: this.#get('limits.rpc_rate'),
        burstMax: this.#get('limits.rpc_max_burst'),
        connectionsPerClientMax: this.#get('limits.rpc_max_conns_per_client'),
      },
      leaveDrainMs: this.#ms('performance.leave_drain_time'),
      rpcHoldTimeoutMs: this.#ms('performance.rpc_hold_timeout'),
      raft: {
        multiplier: this.#get('performance.raft_multiplier'),
        snapshotIntervalMs: this.#ms('raft_snapshot_interval'),
        snapshotThresholdEntries: this.#get('raft_snapshot_threshold'),
        trailingLogEntries: this.#get('raft_trailing_logs'),
        autopilot: {
          ...defaultAutopilotConfig,
          CleanupDeadServers: this.#get('autopilot.cleanup_dead_servers'),
          LastContactThresholdMs: this.#ms('autopilot.last_contact_threshold'),
          MaxTrailingLogs: this.#get('autopilot.max_trailing_logs'),
          MinQuorum: this.#get('autopilot.min_quorum'),
          ServerStabilizationTimeMs: this.#ms('autopilot.server_stabilization_time'),
        },
      },
      log: {
        level: parseLogLevel(this.#get('log_level')) ?? 'info',
        json: this.#get('log_json'),
        syslogFacility: this.#get('enable_syslog') ? this.#get('syslog_facility') : '',
        file: this.#get('log_file'),
        rotateBytes: this.#get('log_rotate_bytes'),
        rotateDurationMs: this.#ms('log_rotate_duration'),
        rotateFilesMax: this.#get('log_rotate_max_files'),
      },
      telemetry: this.#telemetry(),
    }
  }

  #http(clientAddresses: readonly string[], ports: PortsConfig): HttpConfig {
    const owner = this.#socketOwner()
    const listen = (path: 'addresses.http' | 'addresses.https', port: number): ListenAddress[] => {
      const own = this.#addresses(readAddresses(path, this.#get(path)))
      return listenAddresses(own.length > 0 ? own : clientAddresses, port, owner)
    }
    return {
      listen: listen('addresses.http', ports.http),
      listenSecurely: listen('addresses.https', ports.https),
      blockEndpoints: this.#get('http_config.block_endpoints'),
      responseHeaders: this.#get('http_config.response_headers'),
      allowWriteFrom: this.#networks('http_config.allow_write_http_from'),
      filterUnprintable: !this.#get('disable_http_unprintable_char_filter'),
      useCache: this.#get('http_config.use_cache'),
      connectionsPerClientMax: this.#get('limits.http_max_conns_per_client'),
    }
  }

  #tls(): TlsConfig {
    const verifyServerHostname = this.#get('verify_server_hostname')
    return {
      caFile: this.#get('ca_file'),
      caPath: this.#get('ca_path'),
      certFile: this.#get('cert_file'),
      keyFile: this.#get('key_file'),
      verifyIncoming: this.#get('verify_incoming'),
      verifyIncomingRpc: this.#get('verify_incoming_rpc'),
      verifyIncomingHttps: this.#get('verify_incoming_https'),
      verifyOutgoing: this.#get('verify_outgoing') || verifyServerHostname,
      verifyServerHostname,
      domain: this.#get('domain').replace(/\.+$/, ''),
      minVersion: this.#get('tls_min_version'),
      cipherSuites: this.#cipherSuites(),
      preferServerCipherSuites: this.#get('tls_prefer_server_cipher_suites'),
      serverName: this.#get('server_name'),
      forChecks: this.#get('enable_agent_tls_for_checks'),
      rpcHandshakeMs: Math.max(0, this.#ms('limits.rpc_handshake_timeout')),
      httpsHandshakeMs: Math.max(0, this.#ms('limits.https_handshake_timeout')),
    }
  }

  #cipherSuites(): readonly string[] {
    const text = this.#get('tls_cipher_suites').replaceAll(' ', '')
    const suites = text === '' ? [] : text.split(',')
    const unknown = suites.find((name) => !Object.hasOwn(cipherSuites, name))
    if (unknown !== undefined)
      this.invalid.push(
        `tls_cipher_suites: invalid tls cipher suites: unsupported cipher ${JSON.stringify(unknown)}`,
      )
    return suites
  }

  /** Client addresses may name sockets, which DNS leaves to HTTP. */
  #dns(clientAddresses: readonly string[], port: number): DnsConfig {
    const own = this.#addresses(readAddresses('addresses.dns', this.#get('addresses.dns')))
    const hosts = (own.length > 0 ? own : clientAddresses).filter((address) => !isSocket(address))
    const serviceTtl = Object.entries(this.#get('dns_config.service_ttl'))
    return {
      listen: port < 0 ? [] : hosts.map((host) => ({ kind: 'tcp', host, port })),
      allowStale: this.#get('dns_config.allow_stale'),
      maxStaleMs: this.#ms('dns_config.max_stale'),
      nodeTtlMs: this.#ms('dns_config.node_ttl'),
      serviceTtlMs: Object.fromEntries(
        serviceTtl.map(([name, ttl]) => [
          name,
          this.#duration(`dns_config.service_ttl[${name}]`, ttl),
        ]),
      ),
      enableTruncate: this.#get('dns_config.enable_truncate'),
      onlyPassing: this.#get('dns_config.only_passing'),
      disableCompression: this.#get('dns_config.disable_compression'),
      aRecordLimit: this.#get('dns_config.a_record_limit'),
      udpAnswerLimit: this.#get('dns_config.udp_answer_limit'),
      nodeMetaTxt: this.#get('dns_config.enable_additional_node_meta_txt'),
      recursors: this.#get('recursors').flatMap((text) => text.split(/\s+/).filter(Boolean)),
      recursorTimeoutMs: this.#duration(
        'recursor_timeout',
        this.#get('dns_config.recursor_timeout'),
      ),
      soa: {
        refreshSeconds: this.#get('dns_config.soa.refresh'),
        retrySeconds: this.#get('dns_config.soa.retry'),
        expireSeconds: this.#get('dns_config.soa.expire'),
        minTtlSeconds: this.#get('dns_config.soa.min_ttl'),
      },
    }
  }

  #ui(): UiConfig {
    const dir = this.#get('ui_dir')
    const trimmed = this.#get('ui_content_path').replace(/^\/+|\/+$/g, '')
    return {
      enabled: this.#get('ui') || this.#get('ui_config.enabled') || dir !== '',
      dir,
      contentPath: trimmed === '' ? '/' : `/${trimmed}/`,
    }
  }

  #telemetry(): TelemetryConfig {
    const rules = this.#get('telemetry.prefix_filter')
    const prefixes = (sign: string): string[] =>
      rules.filter((rule) => rule.startsWith(sign)).map((rule) => rule.slice(1))
    return {
      prometheusRetentionMs: this.#ms('telemetry.prometheus_retention_time'),
      disableHostname: this.#get('telemetry.disable_hostname'),
      metricsPrefix: this.#get('telemetry.metrics_prefix'),
      allowedPrefixes: prefixes('+'),
      blockedPrefixes: prefixes('-'),
      filterDefault: this.#get('telemetry.filter_default'),
    }
  }

  #gossip(name: 'lan' | 'wan', reconnectTimeout: DurationPath, bindAddress: string): GossipConfig {
    const pool = `gossip_${name}` as const
    return {
      bindAddress: this.#address(`serf_${name}`)[0] ?? bindAddress,
      allowedNetworks: this.#get(`serf_${name}_allowed_cidrs`),
      gossipIntervalMs: this.#ms(`${pool}.gossip_interval`),
      gossipNodes: this.#get(`${pool}.gossip_nodes`),
      probeIntervalMs: this.#ms(`${pool}.probe_interval`),
      probeTimeoutMs: this.#ms(`${pool}.probe_timeout`),
      retransmitMult: this.#get(`${pool}.retransmit_mult`),
      suspicionMult: this.#get(`${pool}.suspicion_mult`),
      reconnectTimeoutMs: this.#ms(reconnectTimeout),
    }
  }

  #ports(): PortsConfig {
    return {
      http: this.#port('ports.http'),
      https: this.#port('ports.https'),
      grpc: -1,
      dns: this.#port('ports.dns'),
      server: this.#port('ports.server'),
      serfLan: this.#port('ports.serf_lan'),
      serfWan: this.#port('ports.serf_wan'),
      sidecar: {
        min: this.#port('ports.sidecar_min_port'),
        max: this.#port('ports.sidecar_max_port'),
      },
    }
  }

  /** Zero and less are off. */
  #port(path: OptionPath & `ports.${string}`): number {
    const port = this.#get(path)
    if (port > 65_535) this.invalid.push(`${path}: invalid port: ${port}`)
    return port <= 0 ? -1 : port
  }

  #advertised(
    bindAddress: string,
    host: Host,
  ): Pick<AgentConfig, 'advertiseAddress' | 'advertiseAddressWan' | 'taggedAddresses'> {
    const [v4] = this.#address('advertise_addr_ipv4')
    const [v6] = this.#address('advertise_addr_ipv6')
    const [wanV4] = this.#address('advertise_addr_wan_ipv4')
    const lan = this.#address('advertise_addr')[0] ?? v4 ?? v6 ?? this.#reachable(bindAddress, host)
    const wan = this.#address('advertise_addr_wan')[0] ?? wanV4 ?? lan
    return {
      advertiseAddress: lan,
      advertiseAddressWan: wan,
      taggedAddresses: {
        ...this.#get('tagged_addresses'),
        lan,
        [`lan_${family(lan)}`]: lan,
        wan,
        [`wan_${family(wan)}`]: wan,
        ...(v4 === undefined ? {} : { lan_ipv4: v4 }),
        ...(v6 === undefined ? {} : { lan_ipv6: v6 }),
        ...(wanV4 === undefined ? {} : { wan_ipv4: wanV4 }),
      },
    }
  }

  #reachable(bindAddress: string, host: Host): string {
    return isAny(bindAddress)
      ? (this.#addresses(privateAddress(host.addresses))[0] ?? '')
      : bindAddress
  }

  #address(
    path: OptionPath & (`advertise_addr${string}` | 'serf_lan' | 'serf_wan'),
  ): readonly string[] {
    return this.#addresses(readAddress(path, this.#get(path)))
  }

  #addresses(read: Addresses): readonly string[] {
    if (read.ok) return read.addresses
    this.invalid.push(read.error)
    return []
  }

  #networks(path: 'http_config.allow_write_http_from'): readonly string[] {
    const networks = this.#get(path)
    for (const network of networks)
      if (!isNetwork(network)) this.invalid.push(`allow_write_http_from: invalid cidr: ${network}`)
    return networks
  }

  #socketOwner(): SocketOwner {
    const text = this.#get('unix_sockets.mode')
    const octal = /^[0-7]{3,4}$/.test(text)
    if (text !== '' && !octal) this.invalid.push(`unix_sockets.mode: invalid mode: ${text}`)
    return {
      user: this.#get('unix_sockets.user'),
      group: this.#get('unix_sockets.group'),
      ...(octal ? { mode: Number.parseInt(text, 8) } : {}),
    }
  }

  #ms(path: DurationPath): number {
    return this.#duration(path, this.#get(path))
  }

  #duration(path: string, text: string): number {
    const parsed = parseDuration(text)
    if (parsed.ok) return parsed.ms
    this.invalid.push(`${path}: invalid duration: ${JSON.stringify(text)}: ${parsed.error}`)
    return 0
  }

  #get<Path extends OptionPath>(path: Path): OptionValue<Path> {
    return settingOf(this.#settings, path)
  }
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

/** Lower case and with the dot at the end, as names in questions are compared. */
function toDomain(text: string): string {
  return text === '' ? '' : `${text.toLowerCase().replace(/\.$/, '')}.`
}
