import { rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'

import { createApi } from '../api/http.ts'
import type { Api } from '../api/http.ts'
import { createDns } from '../dns/server.ts'
import type { Dns } from '../dns/server.ts'
import { describeError, PraetorError } from '../server/model/errors.ts'
import { hostPort } from '../server/model/host-port.ts'
import type { TraceEvent } from '../server/raft/trace.ts'
import type { Chance } from '../server/runtime/chance.ts'
import type { Clock } from '../server/runtime/clock.ts'
import type { Log } from '../server/runtime/log.ts'
import type { Tls } from '../server/tls/tls.ts'
import { Authorities } from './checks/authorities.ts'
import { CheckRunner } from './checks/runner.ts'
import { periodicKinds } from './checks/table.ts'
import { ClusterGate } from './cluster-gate.ts'
import type { Cluster } from './cluster-gate.ts'
import type { AgentConfig } from './config/runtime.ts'
import { RemoteExec } from './exec/remote-exec.ts'
import {
  apiSettings,
  clientConfig,
  clusterLimits,
  dnsSettings,
  listenAddress,
  serverConfig,
} from './faces.ts'
import { AgentGossip } from './gossip.ts'
import { LocalFiles } from './local/persist.ts'
import { Registry } from './local/registry.ts'
import { LocalState } from './local/state.ts'
import type { Logging } from './logging.ts'
import { nodeId } from './node-id.ts'
import { AgentNode } from './node.ts'
import { untilJoined } from './notify/joined.ts'
import { openProfiler } from './profiling/profiler.ts'
import { AntiEntropy } from './sync/anti-entropy.ts'
import { CoordinateSync } from './sync/coordinate-sync.ts'
import { SyncScheduler } from './sync/scheduler.ts'
import { onServerArrival } from './sync/server-arrivals.ts'
import { Telemetry } from './telemetry.ts'
import { Watches } from './watch/watches.ts'
import type { WatchesOptions } from './watch/watches.ts'

/** What an agent is run on. */
export interface AgentWorld {
  readonly clock: Clock
  readonly chance: Chance
  readonly logging: Logging
  readonly tls: Tls
  /** Where to connect for a member's address: for tests that put a faulty network between members. */
  readonly dial?: (address: string) => string
  /** Told of every turn of consensus: for those who check a server against the rules of Raft. */
  readonly trace?: (event: TraceEvent) => void
  /** The agent can't go on (the disk failed, an invariant broke); ends the process at once. */
  readonly fatal: (error: Error) => void
  /** Who this is, told before anything listens. */
  readonly onStarting: (nodeId: string) => void
  /** A client asked the agent to leave: the cluster has been told, the process may end. */
  readonly onLeave: () => void
  /** A client asked for the configuration to be read again; rejects with what is wrong with it. */
  readonly onReload: () => Promise<void>
}

/** A node that runs. Disposing of it stops everything in the reverse order of its start. */
export interface Agent extends AsyncDisposable {
  readonly nodeId: string
  readonly telemetry: Telemetry
  /** Resolves once there is a leader, or for a client a server to ask; or the agent stops first. */
  readonly ready: Promise<void>
  /** Resolves once another member was met, or at once where nobody was named to look for. */
  readonly joined: Promise<void>
  /** Takes on what of a new configuration can be taken on while running. */
  reconfigure(config: AgentConfig): Promise<void>
  /** Tells the cluster that this node goes for good. */
  leave(): Promise<void>
}

/**
 * Starts a node. The faces listen before the log is read, so that whoever asks meanwhile is told that there is no leader yet and
 * not that nobody is there. Rejects with a PraetorError in one plain sentence, everything stopped again, where it can't start.
 */
export async function startAgent(config: AgentConfig, world: AgentWorld): Promise<Agent> {
  await using stack = new AsyncDisposableStack()
  const { clock, chance, logging, tls } = world
  const log = logging.log

  await claimPidFile(config.pidFile, stack)
  const id = await nodeId({
    dataDir: config.dataDir,
    configured: config.nodeId,
    disableHostNodeId: config.disableHostNodeId,
    chance,
  })
  world.onStarting(id)
  const telemetry = stack.use(createTelemetry(config, clock))
  const cluster = new ClusterGate(clock, config.rpcHoldTimeoutMs)
  const local = createLocal(config, id, world, cluster, stack)

  const leave = async (): Promise<void> => {
    log.info({}, 'Requesting graceful leave')
    await cluster.current?.leave()
  }
  const node = new AgentNode({
    config,
    nodeId: id,
    clock,
    cluster,
    logging,
    telemetry,
    ...local,
    leave: async () => {
      await leave()
      world.onLeave()
    },
    reload: world.onReload,
  })
  const shell = process.env['SHELL'] || '/bin/sh'
  const remoteExec = new RemoteExec({
    enabled: config.remoteExec,
    nodeName: config.nodeName,
    shell,
    clock,
    log,
    rpc: cluster.rpc,
  })
  const gossip = new AgentGossip({ ...config, clock, chance, cluster, ...local, remoteExec })
  const api = await listenHttp(config, node, gossip, cluster, { clock, log, telemetry, tls }, stack)
  const dns = await listenDns(config, cluster, { clock, chance, log, telemetry }, stack)

  stack.defer(() => cluster.close())
  const member = stack.use(await openMember(config, id, world, telemetry))
  gossip.hear(member.pools)
  stack.defer(onServerArrival(member.pools.lan, () => local.scheduler.serverUp()))
  cluster.open(member)
  await local.registry.restore()
  await local.registry.configure(config.services, config.checks)
  local.registry.startReaper()
  local.scheduler.start()
  if (!config.disableCoordinates) local.coordinates.start()
  stack.use(remoteExec)
  const watches = stack.use(
    new Watches({
      clock,
      log: log.child({ part: 'watch' }),
      shell,
      ask: asking(api),
    }),
  )
  watches.configure(config.watches)

  const running = stack.move()
  return {
    nodeId: id,
    telemetry,
    ready: member.ready(),
    joined: untilJoined(member.pools.lan, config),
    leave,
    async reconfigure(next) {
      takeOn(tls, next)
      dns.configure(await dnsSettings(next).catch(rejectDns))
      cluster.current?.limit(clusterLimits(next))
      local.state.discardOutput = next.discardCheckOutput
      await local.registry.configure(next.services, next.checks)
      watches.configure(next.watches)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface Local {
  readonly state: LocalState
  readonly runner: CheckRunner
  readonly registry: Registry
  readonly scheduler: SyncScheduler
  readonly coordinates: CoordinateSync
}

function createLocal(
  config: AgentConfig,
  ID: string,
  { clock, chance, logging, tls }: AgentWorld,
  cluster: ClusterGate,
  stack: AsyncDisposableStack,
): Local {
  const log = logging.log
  const state = stack.use(
    new LocalState({
      clock,
      chance,
      checkUpdateIntervalMs: config.checkUpdateIntervalMs,
      discardCheckOutput: config.discardCheckOutput,
    }),
  )
  const runner = stack.use(
    new CheckRunner({
      clock,
      chance,
      log,
      kinds: periodicKinds,
      aliases: {
        rpc: cluster.rpc,
        node: config.nodeName,
        checks: (serviceId) => state.checksConcerning(serviceId),
        hasService: (serviceId) => state.service(serviceId) !== undefined,
        watchService: (serviceId, listener) => state.watchService(serviceId, listener),
      },
      authorities: new Authorities(() => tls.now.checks),
      outputMaxBytes: config.checkOutputMaxBytes,
      report: (checkId, status, output) => state.updateCheck(checkId, status, output),
    }),
  )
  const files = new LocalFiles(config.dataDir, log)
  const registry = stack.use(
    new Registry({
      node: config.nodeName,
      clock,
      log,
      state,
      runner,
      files,
      scripts: config.scriptChecks,
      sidecarPorts: config.ports.sidecar,
    }),
  )
  const antiEntropy = new AntiEntropy({
    rpc: cluster.rpc,
    log,
    state,
    token: '',
    node: () => ({
      ID,
      Node: config.nodeName,
      Address: config.advertiseAddress,
      Datacenter: config.datacenter,
      TaggedAddresses: config.taggedAddresses,
      Meta: { ...config.nodeMeta, 'consul-network-segment': '' },
    }),
  })
  const scheduler = stack.use(
    new SyncScheduler({
      clock,
      chance,
      clusterSize: () => cluster.current?.pools.lan.members().length ?? 1,
      fullSync: () => antiEntropy.full(),
      partialSync: () => antiEntropy.partial(),
      onFailure: (error) =>
        log.error({ error: describeError(error) }, 'failed to sync remote state'),
    }),
  )
  state.onChange(() => scheduler.trigger())
  const coordinates = stack.use(
    new CoordinateSync({
      nodeName: config.nodeName,
      clock,
      chance,
      rpc: cluster.rpc,
      clusterSize: () => cluster.current?.pools.lan.members().length ?? 1,
      coordinate: () => cluster.current?.pools.coordinate(),
      onFailure: (error) =>
        log.warn({ error: describeError(error) }, 'failed to tell where this node stands'),
    }),
  )
  return { state, runner, registry, scheduler, coordinates }
}

async function listenHttp(
  config: AgentConfig,
  node: AgentNode,
  gossip: AgentGossip,
  cluster: ClusterGate,
  { clock, log, telemetry, tls }: { clock: Clock; log: Log; telemetry: Telemetry; tls: Tls },
  stack: AsyncDisposableStack,
): Promise<Api> {
  const profiler = config.enableDebug ? stack.use(await openProfiler(clock)) : undefined
  const api = await createApi(
    {
      ...(profiler === undefined ? {} : { profiler }),
      rpc: cluster.rpc,
      agent: node,
      gossip,
      status: {
        leader: async () => (await cluster.current?.calls.leader()) ?? '',
        peers: async () => (await cluster.current?.calls.peers()) ?? [],
        datacenters: async () =>
          (await cluster.current?.calls.datacenters()) ?? [config.datacenter],
      },
      snapshots: {
        save: async (options) => (await cluster.wait()).snapshots.save(options),
        restore: async (archive) => (await cluster.wait()).snapshots.restore(archive),
      },
      operator: {
        raftServers: async (options) => (await cluster.wait()).calls.raftServers(options),
        removePeer: async (peer) => (await cluster.wait()).calls.removePeer(peer),
        transferLeader: async (id) => (await cluster.wait()).calls.transferLeader(id),
        autopilotState: async () => (await cluster.wait()).calls.autopilotState(),
      },
    },
    apiSettings(config),
    { log: log.child({ part: 'http' }), metrics: telemetry, clock },
  )
  stack.defer(() => api.close())
  const secure = { settings: () => tls.now.https, handshakeMs: config.tls.httpsHandshakeMs }
  for (const { face, addresses, over } of [
    { face: 'HTTP', addresses: config.http.listen, over: undefined },
    { face: 'HTTPS', addresses: config.http.listenSecurely, over: secure },
  ])
    for (const address of addresses) {
      await api
        .listen(await listenAddress(address), over)
        .catch((error: unknown) => Promise.reject(cannotListen(face, address, error)))
      log.info({ address: printAddress(address) }, `Started ${face} server`)
    }
  return api
}

async function listenDns(
  config: AgentConfig,
  cluster: ClusterGate,
  world: { clock: Clock; chance: Chance; log: Log; telemetry: Telemetry },
  stack: AsyncDisposableStack,
): Promise<Dns> {
  const dns = createDns(
    {
      rpc: cluster.rpc,
      datacenter: config.datacenter,
      nodeName: config.nodeName,
      clock: world.clock,
      chance: world.chance,
      log: world.log.child({ part: 'dns' }),
      metrics: world.telemetry,
    },
    await dnsSettings(config),
  )
  stack.defer(() => dns.close())
  for (const address of config.dns.listen) {
    await dns
      .listen(address.host, address.port)
      .catch((error: unknown) => Promise.reject(cannotListen('DNS', address, error)))
    world.log.info({ address: printAddress(address) }, 'Started DNS server')
  }
  return dns
}

/** What is only a server's is loaded by servers alone: a client is on every host, and should be small. */
async function openMember(
  config: AgentConfig,
  id: string,
  { clock, chance, logging, tls, fatal, dial, trace }: AgentWorld,
  metrics: Telemetry,
): Promise<Cluster> {
  const { log } = logging
  const { dataDir } = config
  refuseProtocols(config)
  const world = { clock, chance, log, metrics, tls, fatal, ...(dial === undefined ? {} : { dial }) }
  if (!config.server) {
    const { openClient } = await import('../server/client.ts')
    return openClient(clientConfig(config, id), world)
  }
  const [{ openServer }, { diskDoor, memoryDoor }] = await Promise.all([
    import('../server/server.ts'),
    import('../server/storage.ts'),
  ])
  const door =
    dataDir === '' ? memoryDoor : diskDoor({ dataDir, nodeId: id, clock, log, metrics, fatal })
  return openServer(serverConfig(config, id), {
    ...world,
    door,
    ...(trace === undefined ? {} : { trace }),
  })
}

/** Consul looks at these when it starts, and not before. */
function refuseProtocols({ server, protocol, raftProtocol }: AgentConfig): void {
  const failed = `Failed to start Consul ${server ? 'server' : 'client'}: `
  const [min, max] = [2, 3]
  if (protocol < min || protocol > max)
    throw new PraetorError(
      'failed',
      `${failed}Protocol version '${protocol}' too ${protocol < min ? 'low' : 'high'}. Must be in range: [${min}, ${max}]`,
    )
  if (server && (raftProtocol < 0 || raftProtocol > 3))
    throw new PraetorError(
      'failed',
      `${failed}Failed to start Raft: Protocol version ${raftProtocol} must be >= 1 and <= 3`,
    )
}

/** What our own watches ask is asked of the API itself: it need not listen anywhere for them. */
function asking(api: Api): WatchesOptions['ask'] {
  return async (target, token, signal) => {
    const sent = token === '' ? {} : { 'x-consul-token': token }
    const { status, headers, body } = await api.ask(target, sent, signal)
    const index = headers['x-consul-index']
    return { status, index: index === undefined ? '0' : String(index), body }
  }
}

function createTelemetry(config: AgentConfig, clock: Clock): Telemetry {
  return new Telemetry({ ...config.telemetry, hostName: hostname(), clock })
}

async function claimPidFile(path: string, stack: AsyncDisposableStack): Promise<void> {
  if (path === '') return
  await writeFile(path, String(process.pid), { mode: 0o644 }).catch((error: unknown) => {
    throw new PraetorError('failed', `Could not create PID file: ${describeError(error)}`)
  })
  stack.defer(() => rm(path, { force: true }))
}

function takeOn(tls: Tls, config: AgentConfig): void {
  try {
    tls.replace(config.tls)
  } catch (error) {
    throw new PraetorError('failed', `Failed reloading tls configuration: ${describeError(error)}`)
  }
}

function rejectDns(error: unknown): never {
  throw new PraetorError('failed', `Failed reloading dns config : ${describeError(error)}`)
}

type Address = AgentConfig['http']['listen'][number]

function printAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.socketPath}`
  return hostPort(address.host, address.port)
}

function cannotListen(face: string, address: Address, error: unknown): PraetorError {
  const why =
    (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      ? 'address already in use'
      : describeError(error)
  return new PraetorError(
    'failed',
    `Failed to start ${face} server: listen ${printAddress(address)}: ${why}`,
  )
}
