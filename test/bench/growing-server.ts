import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { Stalls } from './stall-probe.ts'

const here = import.meta.dirname
const main = join(here, '../../agent/main.ts')
const probe = join(here, 'stall-probe.ts')

export interface GrowingServerOptions {
  /** From 0. */
  readonly number: number
  readonly servers: number
  /** Ten ports for each server from here on. */
  readonly firstPort: number
  readonly directory: string
  /** Of Node itself: to profile with. */
  readonly nodeFlags: readonly string[]
}

/** One of the servers whose state grows: a real process, in which a probe looks after the event loop. */
export class GrowingServer implements AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly httpPort: number
  readonly rpcAddress: string
  readonly #options: GrowingServerOptions
  readonly #dataDirectory: string
  readonly #logPath: string
  #child: ChildProcess | undefined

  constructor(options: GrowingServerOptions) {
    this.#options = options
    this.name = `s${options.number}`
    this.httpPort = this.#port(0)
    this.url = `http://127.0.0.1:${this.httpPort}`
    this.rpcAddress = `127.0.0.1:${this.#port(2)}`
    this.#dataDirectory = join(options.directory, this.name)
    this.#logPath = join(options.directory, `${this.name}.log`)
  }

  start(): void {
    const { nodeFlags } = this.#options
    const child = spawn(
      process.execPath,
      [...nodeFlags, '--import', probe, main, 'agent', ...this.#flags()],
      { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    )
    this.#child = child
    const log = createWriteStream(this.#logPath, { flags: 'a' })
    child.stdout?.pipe(log, { end: false })
    child.stderr?.pipe(log, { end: false })
    // Should this process end otherwise than it ought to, no server stays behind.
    const killNow = (): boolean => child.kill('SIGKILL')
    process.once('exit', killNow)
    child.once('close', () => {
      log.end()
      process.off('exit', killNow)
      if (this.#child === child) this.#child = undefined
    })
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  /** All that it ever knew goes, its id too: it comes back as somebody new. */
  async wipe(): Promise<void> {
    await rm(this.#dataDirectory, { recursive: true, force: true })
  }

  /** What the probe saw since it was last asked. */
  async stalls(): Promise<Stalls> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.name} is not there: ${await this.lastWords()}`)
    const answered = once(child, 'message', { signal: AbortSignal.timeout(30_000) })
    child.send('stalls')
    const [stalls] = (await answered) as [Stalls]
    return stalls
  }

  async lastWords(): Promise<string> {
    const text = await readFile(this.#logPath, 'utf8').catch(() => '')
    return text.slice(-2000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }

  #port(offset: number, number = this.#options.number): number {
    return this.#options.firstPort + number * 10 + offset
  }

  #flags(): string[] {
    const { servers } = this.#options
    const numbers = Array.from({ length: servers }, (_, number) => number)
    return [
      '-server',
      `-bootstrap-expect=${servers}`,
      `-node=${this.name}`,
      '-bind=127.0.0.1',
      `-data-dir=${this.#dataDirectory}`,
      `-http-port=${this.#port(0)}`,
      `-dns-port=${this.#port(1)}`,
      `-server-port=${this.#port(2)}`,
      `-serf-lan-port=${this.#port(3)}`,
      `-serf-wan-port=${this.#port(4)}`,
      ...numbers.map((number) => `-retry-join=127.0.0.1:${this.#port(3, number)}`),
      '-log-level=info',
      '-hcl=performance { raft_multiplier = 1 } limits { http_max_conns_per_client = 1000 }',
    ]
  }
}
