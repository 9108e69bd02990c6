import { cpus } from 'node:os'

import type { AgentService, LocalAgent, RegisterOptions } from '../api/ports.ts'
import type { CheckStatus, HealthCheck } from '../server/model/check.ts'
import type { CheckDefinition, ServiceDefinition } from '../server/model/definition.ts'
import { PraetorError } from '../server/model/errors.ts'
import type { Member } from '../server/model/member.ts'
import { saying } from '../server/model/omit-empty.ts'
import { consulVersion, praetorVersion } from '../server/model/version.ts'
import type { Clock } from '../server/runtime/clock.ts'
import type { CheckRunner } from './checks/runner.ts'
import type { ClusterGate } from './cluster-gate.ts'
import type { AgentConfig } from './config/runtime.ts'
import { debugConfig } from './debug-config.ts'
import { describeHost, hostArch, hostOs } from './host.ts'
import type { ServiceRow } from './local/definitions.ts'
import type { Registry } from './local/registry.ts'
import type { LocalState } from './local/state.ts'
import { streamLog } from './log-stream.ts'
import { parseLogLevel } from './logging.ts'
import type { Logging } from './logging.ts'
import { checkSegment } from './segment.ts'
import type { Telemetry } from './telemetry.ts'

export interface NodeOptions {
  readonly config: AgentConfig
  readonly nodeId: string
  readonly clock: Clock
  readonly cluster: ClusterGate
  readonly state: LocalState
  readonly registry: Registry
  readonly runner: CheckRunner
  readonly logging: Logging
  readonly telemetry: Telemetry
  readonly leave: () => Promise<void>
  readonly reload: () => Promise<void>
}

/** This node as HTTP asks for it: what the agent has, in the shapes that Consul's agent API has. */
export class AgentNode implements LocalAgent {
  readonly #options: NodeOptions

  constructor(options: NodeOptions) {
    this.#options = options
  }

  get nodeName(): string {
    return this.#options.config.nodeName
  }

  get datacenter(): string {
    return this.#options.config.datacenter
  }

  async self(): Promise<Readonly<Record<string, unknown>>> {
    const { config, nodeId, cluster } = this.#options
    return {
      Config: {
        Datacenter: config.datacenter,
        NodeName: config.nodeName,
        NodeID: nodeId,
        Revision: '',
        Server: config.server,
        Version: consulVersion,
        PraetorVersion: praetorVersion,
      },
      DebugConfig: debugConfig(config, nodeId),
      Coord: config.disableCoordinates ? null : (await cluster.wait()).pools.coordinate(),
      Member: (await cluster.wait()).pools.lan
        .members()
        .find(({ Name }) => Name === config.nodeName),
      Stats: this.#stats(),
      Meta: { ...config.nodeMeta, 'consul-network-segment': '' },
    }
  }

  host(): Promise<Readonly<Record<string, unknown>>> {
    const { clock, config } = this.#options
    return describeHost(clock.wallMs(), config.dataDir)
  }

  version(): Readonly<Record<string, string>> {
    return { HumanVersion: consulVersion, PraetorVersion: praetorVersion }
  }

  members(options: { readonly wan: boolean; readonly segment: string }): readonly Member[] | null {
    const { cluster, config } = this.#options
    const { wan, segment } = options
    // Servers are the only ones in the pool between datacenters.
    if (!config.server && wan) return null
    checkSegment(segment, config.server)
    return cluster.current?.pools.members({ wan }) ?? []
  }

  services(): Readonly<Record<string, AgentService>> {
    return Object.fromEntries(
      this.#options.state.services().map((row) => [row.ID, agentService(row)]),
    )
  }

  service(id: string): AgentService | undefined {
    const row = this.#options.state.service(id)
    return row === undefined ? undefined : agentService(row)
  }

  checks(): Readonly<Record<string, HealthCheck>> {
    return Object.fromEntries(
      this.#options.state
        .checks()
        .map((row) => [row.CheckID, { ...row, CreateIndex: 0, ModifyIndex: 0 }]),
    )
  }

  async serviceChanged(id: string, waitMs: number, signal: AbortSignal): Promise<void> {
    const { state, clock } = this.#options
    const before = state.service(id)
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer.cancel()
        unsubscribe()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = clock.after(waitMs, done)
      const unsubscribe = state.onChange(() => {
        if (state.service(id) !== before) done()
      })
      if (signal.aborted) done()
      else signal.addEventListener('abort', done, { once: true })
    })
  }

  registerService(definition: ServiceDefinition, options: RegisterOptions): Promise<void> {
    return this.#options.registry.registerService(definition, { ...options, source: 'remote' })
  }

  deregisterService(id: string): Promise<void> {
    return this.#options.registry.deregisterService(id)
  }

  registerCheck(definition: CheckDefinition, { token }: { readonly token: string }): Promise<void> {
    return this.#options.registry.registerCheck(definition, { token, source: 'remote' })
  }

  deregisterCheck(id: string): Promise<void> {
    return this.#options.registry.deregisterCheck(id)
  }

  updateTtl(checkId: string, status: CheckStatus, output: string): Promise<void> {
    return this.#options.registry.updateTtl(checkId, status, output)
  }

  serviceMaintenance(id: string, enable: boolean, reason: string, token: string): Promise<void> {
    return this.#options.registry.serviceMaintenance(id, enable, reason, token)
  }

  nodeMaintenance(enable: boolean, reason: string, token: string): Promise<void> {
    return this.#options.registry.nodeMaintenance(enable, reason, token)
  }

  async join(address: string, options: { readonly wan: boolean }): Promise<void> {
    await (await this.#options.cluster.wait()).pools.join([address], options)
  }

  async forceLeave(node: string, options: { readonly prune: boolean }): Promise<void> {
    const known = (await this.#options.cluster.wait()).pools.forceLeave(node, options)
    if (!known) throw new PraetorError('failed', `agent: No node found with name '${node}'`)
  }

  leave(): Promise<void> {
    return this.#options.leave()
  }

  reload(): Promise<void> {
    return this.#options.reload()
  }

  monitor(options: {
    readonly level: string
    readonly json: boolean
    readonly signal: AbortSignal
  }): AsyncIterable<string> {
    const level = parseLogLevel(options.level)
    if (level === undefined)
      throw new PraetorError('bad-request', `Bad request: Unknown log level: ${options.level}`)
    return streamLog(this.#options.logging, { ...options, level })
  }

  metrics(): Readonly<Record<string, unknown>> {
    return this.#options.telemetry.json()
  }

  prometheus(): string | undefined {
    return this.#options.telemetry.prometheus()
  }

  /** What `consul info` prints: text only, whatever it counts. */
  #stats(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    const { state, runner, cluster } = this.#options
    const { monitors, ttls } = runner.counts()
    const sections = {
      agent: {
        check_monitors: String(monitors),
        check_ttls: String(ttls),
        checks: String(state.checks().length),
        services: String(state.services().length),
      },
      build: { prerelease: '', revision: '', version: consulVersion },
      ...cluster.current?.stats(),
      runtime: {
        arch: hostArch(),
        cpu_count: String(cpus().length),
        goroutines: String(process.getActiveResourcesInfo().length),
        max_procs: String(cpus().length),
        os: hostOs(),
        version: `node${process.version}`,
      },
    }
    return Object.fromEntries(
      Object.entries(sections).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    )
  }
}

/** The kinds of service that stand in for others. */
const hasProxy: ReadonlySet<string> = new Set([
  'connect-proxy',
  'mesh-gateway',
  'terminating-gateway',
  'ingress-gateway',
])

/** The catalog's row as the agent API prints it, field by field in Consul's order. */
function agentService(row: ServiceRow): AgentService {
  const { Kind, TaggedAddresses, Proxy, Connect } = row
  return {
    ...(Kind === undefined ? {} : { Kind }),
    ID: row.ID,
    Service: row.Service,
    Tags: row.Tags ?? [],
    Meta: row.Meta ?? {},
    Port: row.Port,
    Address: row.Address,
    ...(TaggedAddresses === undefined ? {} : { TaggedAddresses }),
    Weights: row.Weights,
    EnableTagOverride: row.EnableTagOverride,
    ...(Kind !== undefined && hasProxy.has(Kind) ? { Proxy: agentProxy(Proxy) } : {}),
    ...(Object.keys(Connect).length === 0 ? {} : { Connect }),
  }
}

/** The catalog shows of an upstream what it doesn't say too, an agent doesn't. */
function agentProxy({ Upstreams, ...proxy }: ServiceRow['Proxy']): ServiceRow['Proxy'] {
  if (!Array.isArray(Upstreams)) return proxy
  const { MeshGateway, Expose, ...before } = proxy
  return { ...before, Upstreams: Upstreams.map(agentUpstream), MeshGateway, Expose }
}

function agentUpstream(upstream: ServiceRow['Proxy']): ServiceRow['Proxy'] {
  const { MeshGateway, ...said } = upstream
  return { ...saying(said, Object.keys(said)), MeshGateway }
}
