import { hostPort } from '../server/model/host-port.ts'
import { consulVersion, praetorVersion } from '../server/model/version.ts'
import type { AgentConfig } from './config/runtime.ts'

/** The one screen that says what was started, in the layout that Consul's operators know, and what to try next. */
export function banner(config: AgentConfig, nodeId: string): string {
  const { ports } = config
  const rows: readonly [string, string][] = [
    ['Version', `'${praetorVersion}' (speaks Consul ${consulVersion})`],
    ['Node ID', `'${nodeId}'`],
    ['Node name', `'${config.nodeName}'`],
    ['Datacenter', `'${config.datacenter}' (Segment: '<all>')`],
    ['Server', `${config.server} (Bootstrap: ${config.bootstrap && !config.devMode})`],
    [
      'Client Addr',
      `[${config.clientAddresses.join(' ')}] (HTTP: ${ports.http}, HTTPS: ${ports.https}, gRPC: ${ports.grpc}, DNS: ${ports.dns})`,
    ],
    ['Cluster Addr', `${config.advertiseAddress} (LAN: ${ports.serfLan}, WAN: ${ports.serfWan})`],
    [
      'Data dir',
      config.dataDir === ''
        ? 'none: everything is in memory and ends with the process'
        : config.dataDir,
    ],
    ['Try', tryNext(config)],
  ]
  return `==> Starting Praetor agent...\n${rows
    .map(([name, value]) => `${`${name}:`.padStart(19)} ${value}\n`)
    .join('')}\n==> Log data will now stream in as it occurs:\n\n`
}

/** A command that works as it stands against the agent that was just started. */
function tryNext({ http }: AgentConfig): string {
  const [first] = http.listen
  if (first === undefined) return 'HTTP is off; ask the DNS port'
  return first.kind === 'unix'
    ? `curl --unix-socket ${first.socketPath} http://localhost/v1/catalog/nodes`
    : `curl http://${hostPort(first.host, first.port)}/v1/catalog/nodes`
}
