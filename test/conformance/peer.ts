import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { exchange } from './exchange.ts'

/** How to start a program that claims to be Consul. */
export interface Program {
  readonly label: string
  /** The command and what comes before `agent`. */
  readonly command: readonly string[]
  /** More flags of `agent`. */
  readonly flags?: readonly string[]
}

/** A running agent. */
export interface Peer extends AsyncDisposable {
  readonly label: string
  readonly pid: number
  readonly ports: Ports
  /** Of a client: its server. */
  readonly behind?: Peer
  /** What steps remember, by name. */
  readonly remembered: Map<string, string | Buffer>
}

/** Five ports from the first. */
export type Ports = Readonly<Record<'http' | 'dns' | 'server' | 'serf_lan' | 'serf_wan', number>>

/** The agent that is asked. */
const asked: Identity = { name: 'n1', id: 'ca5caded-5eed-4bad-8bad-0123456789ab' }
/** The server behind it, where the agent that is asked is a client. */
const behind: Identity = { name: 's1', id: 'ca5caded-5eed-4bad-8bad-ba9876543210' }

export const nodeName = asked.name
export const nodeIds: readonly string[] = [asked.id, behind.id]

interface Identity {
  readonly name: string
  readonly id: string
}

const startMs = 60_000
const stopMs = 10_000

/** Starts a server and waits until it leads, and has put itself into its catalog. Throws with its log where it does not. */
export function startPeer(
  program: Program,
  firstPort: number,
  mode: 'dev' | 'server',
): Promise<Peer> {
  const ports = portsFrom(firstPort)
  const how = mode === 'dev' ? ['-dev'] : ['-server', '-bootstrap']
  return startAgent(program, ports, asked, how, presence(asked))
}

/**
 * Starts a client and a server behind it, and waits until both are in the catalog, and where they stand is known. Ten ports from
 * the first: the client's, then the server's. The client's end is the server's too.
 */
export async function startClient(
  program: Program,
  server: Program,
  firstPort: number,
): Promise<Peer> {
  const itsPorts = portsFrom(firstPort + 5)
  const how = ['-server', '-bootstrap']
  await using stack = new AsyncDisposableStack()
  const leader = stack.use(await startAgent(server, itsPorts, behind, how, presence(behind)))
  const client = stack.use(
    await startAgent(
      program,
      portsFrom(firstPort),
      asked,
      [`-retry-join=127.0.0.1:${itsPorts.serf_lan}`, '-retry-interval=1s'],
      [...presence(asked), ...presence(behind), ...places],
    ),
  )
  const kept = stack.move()
  return {
    ...client,
    label: `${program.label} with ${server.label}`,
    behind: leader,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function portsFrom(first: number): Ports {
  return {
    http: first,
    dns: first + 1,
    server: first + 2,
    serf_lan: first + 3,
    serf_wan: first + 4,
  }
}

async function startAgent(
  program: Program,
  ports: Ports,
  identity: Identity,
  how: readonly string[],
  readiness: Readiness,
): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'))
  if (await isAnswering(ports.http)) throw new Error(`port ${ports.http} is taken`)
  const [command = '', ...before] = program.command
  const log = await open(join(directory, 'log'), 'w')
  const child = spawn(
    command,
    [...before, ...agentFlags(ports, identity, how, directory), ...(program.flags ?? [])],
    {
      stdio: ['ignore', log.fd, log.fd],
    },
  )
  // However this process ends, its agents end with it.
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  const peer: Peer = {
    label: program.label,
    pid: child.pid ?? 0,
    ports,
    remembered: new Map(),
    async [Symbol.asyncDispose]() {
      await stop(child)
      process.off('exit', kill)
      await log.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
  try {
    await untilReady(peer, child, readiness)
    return peer
  } catch (error) {
    const said = await readFile(join(directory, 'log'), 'utf8')
    await peer[Symbol.asyncDispose]()
    throw new Error(`${program.label} did not start:\n${said.slice(-4000)}`, { cause: error })
  }
}

function agentFlags(
  ports: Ports,
  { name, id }: Identity,
  how: readonly string[],
  directory: string,
): string[] {
  return [
    'agent',
    ...how,
    ...(how.includes('-dev') ? [] : [`-data-dir=${join(directory, 'data')}`]),
    `-node=${name}`,
    `-node-id=${id}`,
    '-bind=127.0.0.1',
    `-http-port=${ports.http}`,
    `-dns-port=${ports.dns}`,
    `-server-port=${ports.server}`,
    `-serf-lan-port=${ports.serf_lan}`,
    ...(how.includes('-server') || how.includes('-dev')
      ? [`-serf-wan-port=${ports.serf_wan}`]
      : []),
    '-grpc-port=-1',
    '-log-level=warn',
  ]
}

/** Paths, and what their answers must have in them. */
type Readiness = readonly (readonly [path: string, wanted: string])[]

/** Each answer is something that an agent does late in its start, so all of them together mean it is quiet. */
const presence = ({ name }: Identity): Readiness => [
  ['/v1/status/leader', '"127.'],
  [`/v1/health/node/${name}`, '"passing"'],
  ['/v1/catalog/service/consul', '"ServicePort"'],
  [`/v1/catalog/node/${name}`, 'consul-network-segment'],
]

const places: Readiness = [asked, behind].map(({ name }) => [
  `/v1/coordinate/node/${name}`,
  '"Vec"',
])

async function isAnswering(port: number): Promise<boolean> {
  return exchange(port, { method: 'GET', path: '/v1/status/leader' }).then(
    () => true,
    () => false,
  )
}

async function untilReady(peer: Peer, child: ChildProcess, readiness: Readiness): Promise<void> {
  const deadline = Date.now() + startMs
  for (const [path, wanted] of readiness) {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}`)
      const answer = await exchange(peer.ports.http, { method: 'GET', path }).catch(() => undefined)
      if (answer && answer.body.toString().includes(wanted)) break
      if (Date.now() > deadline) throw new Error(`${path} never answered ${wanted}`)
      await sleep(50)
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await exited
  clearTimeout(late)
}
