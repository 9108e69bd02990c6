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

/** A running agent. Five ports from the first: HTTP, DNS, server, Serf LAN, Serf WAN. */
export interface Peer extends AsyncDisposable {
  readonly label: string
  readonly pid: number
  readonly ports: Readonly<Record<'http' | 'dns' | 'server' | 'serf_lan' | 'serf_wan', number>>
  /** What steps remember, by name. */
  readonly remembered: Map<string, string | Buffer>
}

export const nodeName = 'n1'
export const nodeId = 'ca5caded-5eed-4bad-8bad-0123456789ab'

const startMs = 30_000
const stopMs = 10_000

/** Starts an agent and waits until it leads, and has put itself into its catalog. Throws with its log where it does not. */
export async function startPeer(
  program: Program,
  firstPort: number,
  mode: 'dev' | 'server',
): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'))
  const ports = {
    http: firstPort,
    dns: firstPort + 1,
    server: firstPort + 2,
    serf_lan: firstPort + 3,
    serf_wan: firstPort + 4,
  }
  if (await isAnswering(ports.http)) throw new Error(`port ${ports.http} is taken`)
  const [command = '', ...before] = program.command
  const log = await open(join(directory, 'log'), 'w')
  const child = spawn(
    command,
    [...before, ...agentFlags(ports, mode, directory), ...(program.flags ?? [])],
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
    await untilReady(peer, child)
    return peer
  } catch (error) {
    const said = await readFile(join(directory, 'log'), 'utf8')
    await peer[Symbol.asyncDispose]()
    throw new Error(`${program.label} did not start:\n${said.slice(-4000)}`, { cause: error })
  }
}

function agentFlags(ports: Peer['ports'], mode: 'dev' | 'server', directory: string): string[] {
  const how =
    mode === 'dev' ? ['-dev'] : ['-server', '-bootstrap', `-data-dir=${join(directory, 'data')}`]
  return [
    'agent',
    ...how,
    `-node=${nodeName}`,
    `-node-id=${nodeId}`,
    '-bind=127.0.0.1',
    `-http-port=${ports.http}`,
    `-dns-port=${ports.dns}`,
    `-server-port=${ports.server}`,
    `-serf-lan-port=${ports.serf_lan}`,
    `-serf-wan-port=${ports.serf_wan}`,
    '-grpc-port=-1',
    '-log-level=warn',
  ]
}

/** Each answer is something the agent does late in its start, so all of them together mean it is quiet. */
const readiness = [
  ['/v1/status/leader', '"127.'],
  [`/v1/health/node/${nodeName}`, '"passing"'],
  ['/v1/catalog/service/consul', '"ServicePort"'],
  ['/v1/catalog/nodes', 'consul-network-segment'],
] as const

async function isAnswering(port: number): Promise<boolean> {
  return exchange(port, { method: 'GET', path: '/v1/status/leader' }).then(
    () => true,
    () => false,
  )
}

async function untilReady(peer: Peer, child: ChildProcess): Promise<void> {
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
