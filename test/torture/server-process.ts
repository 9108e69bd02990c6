import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { dialMap, portsOf, type ServerPorts } from './ports.ts'
import { tearLog } from './server-log.ts'

export interface ServerProcessOptions {
  /** From 0. */
  readonly number: number
  readonly servers: number
  readonly firstPort: number
  /** Where its data and its output go. */
  readonly directory: string
  readonly durable: boolean
  readonly trace: boolean
  /** The command before `agent`. */
  readonly program: readonly string[]
  /** HCL that all servers of the run share. */
  readonly settings: string
}

const stopMs = 10_000

/** A real server, and what may befall its process and its disk. Each is done by process id, and to none but its own. */
export class ServerProcess implements AsyncDisposable {
  readonly number: number
  readonly name: string
  readonly ports: ServerPorts
  readonly dataDirectory: string
  readonly outputPath: string
  /** Where it writes down every turn of consensus, if it does. */
  readonly tracePath: string
  /** How often it was started: what was learnt from one life need not hold in the next. */
  life = 0
  /** Set while a fault has it in its hands. */
  isTaken = false
  isPaused = false
  /** Its data was taken, and it does not vote yet. */
  isNew = false
  /** Ends that nobody here brought about. */
  readonly deaths: string[] = []
  readonly #options: ServerProcessOptions
  #child: ChildProcess | undefined
  #isEndMeant = false

  constructor(options: ServerProcessOptions) {
    this.#options = options
    this.number = options.number
    this.name = `n${options.number + 1}`
    this.ports = portsOf(options.firstPort, options.number)
    this.dataDirectory = join(options.directory, this.name)
    this.outputPath = join(options.directory, `${this.name}.log`)
    this.tracePath = join(options.directory, `${this.name}.trace.jsonl`)
  }

  get isUp(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    if (this.#child !== undefined) return
    const { firstPort, program, servers, trace } = this.#options
    const [command = '', ...words] = program
    const child = spawn(command, [...words, 'agent', ...this.#flags()], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PRAETOR_DIAL_MAP: dialMap(firstPort, servers, this.number),
        ...(trace ? { PRAETOR_RAFT_TRACE: this.tracePath } : {}),
      },
    })
    this.life += 1
    this.isPaused = false
    this.#child = child
    this.#isEndMeant = false
    // Should this process end in some other way than it ought to, none of its servers stays behind.
    const killNow = (): boolean => child.kill('SIGKILL')
    process.once('exit', killNow)
    const output = createWriteStream(this.outputPath, { flags: 'a' })
    child.stdout.pipe(output, { end: false })
    child.stderr.pipe(output, { end: false })
    child.once('close', (code, signal) => {
      output.end()
      process.off('exit', killNow)
      if (!this.#isEndMeant)
        this.deaths.push(`${this.name} ended by itself with ${code ?? signal} in life ${this.life}`)
      this.#child = undefined
    })
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    this.resume()
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), stopMs)
    await this.#end('SIGTERM')
    clearTimeout(late)
  }

  pause(): void {
    this.isPaused = this.#child?.kill('SIGSTOP') ?? false
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
    this.isPaused = false
  }

  /** While it is down: all that it ever knew goes, its id included, so it comes back as somebody new. */
  async wipe(): Promise<void> {
    await rm(this.dataDirectory, { recursive: true, force: true })
  }

  /** While it is down: leaves what a power cut leaves that came in the middle of a write nobody heard of. */
  async tear({ truncate }: { readonly truncate: boolean }): Promise<void> {
    await tearLog(this.dataDirectory, { truncate })
  }

  /** The end of what it printed, for a person. */
  async lastWords(): Promise<string> {
    const text = await readFile(this.outputPath, 'utf8').catch(() => '')
    return text.slice(-2000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  /** Who it is in this life; another after its data was wiped. */
  nodeId(): Promise<string> {
    return readFile(join(this.dataDirectory, 'node-id'), 'utf8').catch(() => '')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#isEndMeant = true
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  #flags(): string[] {
    const { durable, firstPort, servers, settings } = this.#options
    const { dns, http, serfLan, serfWan, server } = this.ports
    const common = [
      `-node=${this.name}`,
      '-bind=127.0.0.1',
      `-http-port=${http}`,
      `-dns-port=${dns}`,
      `-server-port=${server}`,
      `-serf-lan-port=${serfLan}`,
      `-serf-wan-port=${serfWan}`,
      `-hcl=${settings}`,
    ]
    if (!durable) return ['-dev', ...common]
    const peers = Array.from({ length: servers }, (_, peer) => peer).filter(
      (peer) => peer !== this.number,
    )
    return [
      '-server',
      `-bootstrap-expect=${servers}`,
      `-data-dir=${this.dataDirectory}`,
      ...peers.map((peer) => `-retry-join=127.0.0.1:${portsOf(firstPort, peer).serfLan}`),
      ...common,
    ]
  }
}
