import { decodeBase64 } from '../../server/model/base64.ts'
import { parseDuration } from '../../server/model/duration.ts'
import { describeError } from '../../server/model/errors.ts'
import { findMetadataFault } from '../../server/model/metadata.ts'
import { parseLogLevel } from '../logging.ts'
import { planWatch } from '../watch/definition.ts'
import { isAny, isNetwork, isSocket } from './addresses.ts'
import { listErrors } from './fault-text.ts'
import type { FileReader } from './host.ts'
import { settingOf } from './resolve.ts'
import type { AgentConfig, ListenAddress } from './runtime.ts'
import type { Settings } from './settings.ts'
import { unsupported } from './unsupported.ts'

/** What is wrong with a configuration whose every value can be read, in Consul's words and about in its order. */
export function findFaults(config: AgentConfig, settings: Settings, files: FileReader): string[] {
  return [
    ...networkFaults(config),
    ...nodeFaults(config),
    ...dataDirFaults(config, files),
    ...addressFaults(config, settings),
    ...encryptionFaults(config),
    ...limitFaults(config, settings),
    ...bootstrapFaults(config, settings),
    ...uiFaults(config, settings),
    ...conflicts(config),
    ...watchFaults(config),
    ...refusals(config, settings),
  ]
}

/** What is allowed and probably not meant. */
export function findWarnings(config: AgentConfig, settings: Settings): string[] {
  const { nodeName } = config
  const warnings: string[] = []
  if (!/^[A-Za-z0-9-]+$/.test(nodeName))
    warnings.push(
      `Node name ${JSON.stringify(nodeName)} will not be discoverable via DNS due to invalid characters. Valid characters include all alpha-numerics and dashes.`,
    )
  else if (nodeName.length > 63)
    warnings.push(
      `Node name ${JSON.stringify(nodeName)} will not be discoverable via DNS due to it being too long. Valid lengths are between 1 and 63 bytes.`,
    )
  if (config.nonVotingServer)
    warnings.push(
      '"non_voting_server" is a Consul Enterprise configuration and will have no effect',
    )
  for (const rule of settingOf(settings, 'telemetry.prefix_filter')) {
    if (rule === '') warnings.push('Cannot have empty filter rule in prefix_filter')
    else if (!/^[+-]/.test(rule))
      warnings.push(`Filter rule must begin with either '+' or '-': ${JSON.stringify(rule)}`)
  }
  if (config.scriptChecks.remote && config.http.allowWriteFrom.length === 0)
    warnings.push(
      'using enable-script-checks without ACLs and without allow_write_http_from is DANGEROUS, use enable-local-script-checks instead, see https://www.hashicorp.com/blog/protecting-consul-from-rce-risk-in-specific-configurations/',
    )
  if (config.watches.some(({ handler }) => handler !== undefined))
    warnings.push(
      "The 'handler' field in watches has been deprecated and replaced with the 'args' field. See https://www.consul.io/docs/agent/watches.html",
    )
  if (config.bootstrapExpect === 1)
    warnings.push('BootstrapExpect is set to 1; this is the same as Bootstrap mode.')
  if (settingOf(settings, 'bootstrap') || config.bootstrapExpect === 1)
    warnings.push('bootstrap = true: do not enable unless necessary')
  return warnings
}

function networkFaults({ gossip }: AgentConfig): string[] {
  return (['lan', 'wan'] as const).flatMap((pool) => {
    const bad = gossip[pool].allowedNetworks.filter((network) => !isNetwork(network))
    if (bad.length === 0) return []
    return `serf_${pool}_allowed_cidrs: ${listErrors(bad.map((cidr) => `invalid cidr: ${cidr}`))}`
  })
}

function nodeFaults({ datacenter, nodeId, nodeMeta }: AgentConfig): string[] {
  const faults: string[] = []
  if (datacenter === '') faults.push('datacenter cannot be empty')
  else if (!/^[a-z0-9_-]+$/.test(datacenter))
    faults.push(`datacenter cannot be ${JSON.stringify(datacenter)}. Please use only [a-z0-9-_]`)
  const idFault = nodeId === '' ? undefined : findUuidFault(nodeId)
  if (idFault !== undefined)
    faults.push(`failed to setup node ID: specified NodeID is invalid: ${idFault}`)
  const metaFault = findMetadataFault(nodeMeta)
  if (metaFault !== undefined) faults.push(`node_meta invalid: ${metaFault}`)
  return faults
}

function findUuidFault(text: string): string | undefined {
  if (text.length !== 36) return 'uuid string is wrong length'
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)
    ? undefined
    : 'uuid is improperly formatted'
}

function dataDirFaults({ dataDir, devMode }: AgentConfig, files: FileReader): string[] {
  if (dataDir === '') return devMode ? [] : ['data_dir cannot be empty']
  return files.kind(dataDir) === 'file'
    ? [`data_dir ${JSON.stringify(dataDir)} is not a directory`]
    : []
}

function addressFaults(config: AgentConfig, settings: Settings): string[] {
  const faults: string[] = []
  const bind = settingOf(settings, 'bind_addr').trim()
  if (bind === '') faults.push('bind_addr cannot be empty')
  else if (/\s/.test(bind))
    faults.push(
      "bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.",
    )
  else if (isSocket(bind)) faults.push('bind_addr cannot be a unix socket')
  if (isAny(config.advertiseAddress)) faults.push('Advertise address cannot be 0.0.0.0, :: or [::]')
  if (isAny(config.advertiseAddressWan))
    faults.push('Advertise WAN address cannot be 0.0.0.0, :: or [::]')
  if (settingOf(settings, 'addresses.dns').split(/\s+/).some(isSocket))
    faults.push('DNS address cannot be a unix socket')
  const recursor = config.dns.recursors.find(isSocket)
  if (recursor !== undefined) faults.push(`DNS Recursors cannot be unix sockets: ${recursor}`)
  return faults
}

function encryptionFaults({ encryption }: AgentConfig): string[] {
  const decoded = decodeBase64(encryption.key)
  if (!decoded.ok) return [`encrypt has invalid key: ${decoded.error}`]
  return [0, 16, 24, 32].includes(decoded.bytes.length)
    ? []
    : ['encrypt has invalid key: key size must be 16, 24 or 32 bytes']
}

function limitFaults(config: AgentConfig, settings: Settings): string[] {
  const faults: string[] = []
  const { multiplier } = config.raft
  if (multiplier < 1 || multiplier > 10)
    faults.push(`performance.raft_multiplier cannot be ${multiplier}. Must be between 1 and 10`)
  if (config.checkOutputMaxBytes < 1)
    faults.push(
      'check_output_max_size must be positive, to discard check output use the discard_check_output flag',
    )
  for (const path of [
    'dns_config.udp_answer_limit',
    'dns_config.a_record_limit',
    'limits.kv_max_value_size',
    'limits.txn_max_req_len',
  ] as const) {
    const value = settingOf(settings, path)
    if (value < 0) faults.push(`${path} cannot be ${value}. Must be greater than or equal to zero`)
  }
  const level = settingOf(settings, 'log_level')
  if (parseLogLevel(level) === undefined)
    faults.push(
      `Invalid log level: ${level}. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]`,
    )
  return faults
}

function bootstrapFaults(config: AgentConfig, settings: Settings): string[] {
  const { server, devMode, bootstrapExpect: expect } = config
  const bootstrap = settingOf(settings, 'bootstrap')
  const faults: string[] = []
  if (bootstrap && !server) faults.push("'bootstrap = true' requires 'server = true'")
  if (expect < 0)
    faults.push(`bootstrap_expect cannot be ${expect}. Must be greater than or equal to zero`)
  if (expect > 0 && !server) faults.push("'bootstrap_expect > 0' requires 'server = true'")
  if (expect > 1 && devMode) faults.push("'bootstrap_expect > 0' not allowed in dev mode")
  if (expect > 0 && bootstrap)
    faults.push("'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive")
  return faults
}

function uiFaults(config: AgentConfig, settings: Settings): string[] {
  const faults: string[] = []
  if (settingOf(settings, 'ui') && config.ui.dir !== '')
    faults.push(
      'Both the ui and ui-dir flags were specified, please provide only one.\n' +
        'If trying to use your own web UI resources, use the ui-dir flag.\n' +
        'The web UI is included in the binary so use ui to enable it',
    )
  if (!/^[A-Za-z0-9/_-]+$/.test(config.ui.contentPath))
    faults.push(
      `ui-content-path can only contain alphanumeric, -, _, or /. received: ${config.ui.contentPath}`,
    )
  return faults
}

/** Two faces on one address, told of in the order in which the agent would start them. */
function conflicts(config: AgentConfig): string[] {
  const { advertiseAddress: lan, advertiseAddressWan: wan, ports } = config
  const wanted: [face: string, address: string][] = [
    ...config.dns.listen.map((at): [string, string] => ['DNS', describe(at)]),
    ...config.http.listen.map((at): [string, string] => ['HTTP', describe(at)]),
    ...config.http.listenSecurely.map((at): [string, string] => ['HTTPS', describe(at)]),
  ]
  if (config.server) wanted.push(['RPC Advertise', `${lan}:${ports.server}`])
  if (ports.serfLan > 0) wanted.push(['Serf Advertise LAN', `${lan}:${ports.serfLan}`])
  if (config.server && ports.serfWan > 0)
    wanted.push(['Serf Advertise WAN', `${wan}:${ports.serfWan}`])
  const owners = new Map<string, string>()
  for (const [face, address] of wanted) {
    const owner = owners.get(address)
    if (owner !== undefined) return [`${face} address ${address} already configured for ${owner}`]
    owners.set(address, face)
  }
  return []
}

/** Consul finds these when it starts, one at a time. */
function watchFaults({ watches }: AgentConfig): string[] {
  return watches.flatMap((definition, at) => {
    try {
      planWatch(definition, '')
      return []
    } catch (error) {
      return `Failed to parse watch (watches[${at}]): ${describeError(error)}`
    }
  })
}

function describe(address: ListenAddress): string {
  return address.kind === 'unix'
    ? `unix://${address.socketPath}`
    : `${address.host}:${address.port}`
}

/** What Consul would do and we don't: said by name, never passed over. */
function refusals(config: AgentConfig, settings: Settings): string[] {
  const asked = Array.from(settings.values)
    .filter(([path, value]) => {
      const option = unsupported[path]
      return option !== undefined && !asksNothing(value, option.initial)
    })
    .map(([path]) => path)
  const { datacenter, server, raftProtocol } = config
  if (server && (raftProtocol === 1 || raftProtocol === 2))
    asked.push(`raft_protocol = ${raftProtocol}`)
  const primary = settingOf(settings, 'primary_datacenter').toLowerCase()
  if (primary !== '' && primary !== datacenter)
    asked.push(`primary_datacenter = ${JSON.stringify(primary)} (several datacenters)`)
  return asked.map((what) => `${what} is not supported by this version of Praetor yet`)
}

function asksNothing(value: unknown, initial: unknown): boolean {
  if (value === initial || isEmpty(value)) return true
  if (typeof value !== 'string' || typeof initial !== 'string') return false
  const [given, usual] = [parseDuration(value), parseDuration(initial)]
  return given.ok && usual.ok && given.ms === usual.ms
}

/** An empty text, list or object, or an object of nothing else: written out, but with nothing in it. */
function isEmpty(value: unknown): boolean {
  if (value === '' || value === null || value === undefined) return true
  return (
    typeof value === 'object' &&
    Object.values(value).every((part) => part === false || isEmpty(part))
  )
}
