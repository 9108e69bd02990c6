import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** The real program in a process of its own, on free ports of the loopback. */
export interface AgentProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly httpPort: number
  readonly dnsPort: number
  /** Everything it printed so far. */
  output(): string
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Asks over HTTP; throws where nobody answers. */
  ask(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string; index: number }>
  /** Resolves once writes are taken. */
  untilLeading(): Promise<void>
}

export interface AgentProcessOptions {
  /** Flags beside those that say where to listen. */
  readonly args: readonly string[]
  readonly httpPort?: number
  readonly dnsPort?: number
  /** For commands that are not expected to start an agent. */
  readonly env?: Readonly<Record<string, string>>
}

const main = join(import.meta.dirname, '../../agent/main.ts')
const startMs = 30_000

/** Starts an agent. It may not be listening yet; untilLeading waits for more than that. */
export async function startAgentProcess(options: AgentProcessOptions): Promise<AgentProcess> {
  const httpPort = options.httpPort ?? (await freePort())
  const dnsPort = options.dnsPort ?? (await freePort())
  const clusterPorts = ['server', 'serf-lan', 'serf-wan'].map(
    async (name) => `-${name}-port=${await freePort()}`,
  )
  const child = spawn(
    process.execPath,
    [
      main,
      'agent',
      `-http-port=${httpPort}`,
      `-dns-port=${dnsPort}`,
      ...(await Promise.all(clusterPorts)),
      ...options.args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  )
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0)),
  )
  const ask: AgentProcess['ask'] = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    })
    return {
      status: response.status,
      text: await response.text(),
      index: Number(response.headers.get('x-consul-index') ?? 0),
    }
  }
  return {
    child,
    httpPort,
    dnsPort,
    output: () => output,
    exited,
    ask,
    async untilLeading() {
      const deadline = Date.now() + startMs
      for (;;) {
        const leader = await ask('GET', '/status/leader').catch(() => undefined)
        if (leader !== undefined && leader.text.includes(':')) return
        if (child.exitCode !== null || Date.now() > deadline)
          throw new Error(`the agent does not lead:\n${output}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** Below those that the system gives to whoever dials, so that nobody takes one between the asking and its use. */
const portMin = 10_240
const portMax = 32_000
/** Processes that run side by side begin apart. */
let nextPort = portMin + ((process.pid * 97) % (portMax - portMin))

/** A port of the loopback that nobody has, for streams and for datagrams. Never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort
    nextPort = port + 1 < portMax ? port + 1 : portMin
    if ((await isFreeForStreams(port)) && (await isFreeForDatagrams(port))) return port
  }
}

function isFreeForStreams(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function isFreeForDatagrams(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => {
      socket.close()
      resolve(false)
    })
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
