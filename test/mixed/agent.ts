import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { exchange } from '../conformance/exchange.ts'
import { Program, started } from '../conformance/serf/process.ts'
import { lookUp } from '../fleet/lookup.ts'

/** One of the two programs: the words before `agent`. */
export interface Kind {
  readonly label: 'Consul' | 'Praetor'
  readonly command: readonly string[]
}

export interface AgentPorts {
  readonly http: number
  readonly dns: number
  readonly server: number
  readonly lan: number
  readonly wan: number
}

export interface AgentOptions {
  readonly kind: Kind
  readonly name: string
  readonly ports: AgentPorts
  readonly directory: string
  /** Beside those that say where it listens. */
  readonly flags: readonly string[]
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly index: number
}

/** An agent of either kind, started with the same flags. It finds what it kept when it is started again, by the other kind too. */
export class Agent extends Program {
  readonly name: string
  readonly kind: Kind
  readonly ports: AgentPorts

  private constructor({ kind, name, ports, directory, flags }: AgentOptions) {
    const [command = '', ...before] = kind.command
    super(
      command,
      [
        ...before,
        'agent',
        `-node=${name}`,
        `-data-dir=${join(directory, name)}`,
        '-bind=127.0.0.1',
        `-http-port=${ports.http}`,
        `-dns-port=${ports.dns}`,
        `-server-port=${ports.server}`,
        `-serf-lan-port=${ports.lan}`,
        '-retry-interval=1s',
        '-hcl=ports { grpc = -1 }',
        ...flags,
      ],
      { logPath: join(directory, `${name}.log`) },
    )
    this.name = name
    this.kind = kind
    this.ports = ports
  }

  /** Resolves when it answers. */
  static async start(options: AgentOptions): Promise<Agent> {
    await mkdir(join(options.directory, options.name), { recursive: true })
    const agent = new Agent(options)
    return started(agent, () => agent.get('/agent/self'))
  }

  async ask(method: string, path: string, body: string | Buffer = ''): Promise<Answer> {
    const answer = await this.raw(method, path, body)
    const index = answer.headers.find(([name]) => name.toLowerCase() === 'x-consul-index')?.[1]
    return { status: answer.status, text: answer.body.toString(), index: Number(index ?? 0) }
  }

  raw(method: string, path: string, body: string | Buffer = ''): ReturnType<typeof exchange> {
    return exchange(this.ports.http, { method, path: `/v1${path}`, body })
  }

  /** What it answers as JSON. Rejects with what it says where that is no success. */
  get(path: string): Promise<unknown> {
    return this.#json('GET', path)
  }

  put(path: string, body: unknown = ''): Promise<unknown> {
    return this.#json('PUT', path, typeof body === 'string' ? body : JSON.stringify(body))
  }

  /** The targets of a service's SRV records, in order. */
  async targets(service: string): Promise<readonly string[]> {
    return (await lookUp(this.ports.dns, `${service}.service.consul`)).toSorted()
  }

  /** Ends it as a signal does that lets it say good-bye, if that is how it is configured. */
  async interrupt(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGINT')
    await exited
  }

  async #json(method: string, path: string, body?: string): Promise<unknown> {
    const { status, text } = await this.ask(method, path, body)
    if (status !== 200) throw new Error(`${status} ${text}`)
    return text === '' ? text : (JSON.parse(text) as unknown)
  }
}
