import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Member } from '../../../server/model/member.ts'
import { exchange } from '../exchange.ts'
import { Program, started } from './process.ts'
import { viewOf } from './view.ts'
import type { View, Viewer } from './view.ts'
import { base64 } from './world.ts'
import type { Key, World } from './world.ts'

export interface ConsulAgentOptions {
  readonly name: string
  readonly key: Key
  /** Alone in its data centre, where it leads; else a client. */
  readonly isServer: boolean
  readonly datacenter?: string
  /** Whether it is to be found between data centres. */
  readonly isWan?: boolean
  /** Where to be found in its data centre; else at a port that nobody had. */
  readonly port?: number
  /** Whom to join when it starts. */
  readonly join?: readonly string[]
}

/** -1 where it is off. */
interface Ports {
  readonly http: number
  readonly server: number
  readonly lan: number
  readonly wan: number
}

/** A real Consul. What it keeps it finds again when it is started a second time. */
export class ConsulAgent extends Program implements Viewer {
  readonly name: string
  readonly address: string
  readonly wanAddress: string
  readonly directory: string
  readonly #httpPort: number

  private constructor(world: World, directory: string, options: ConsulAgentOptions, ports: Ports) {
    const { name, key, isServer, datacenter = 'dc1', join: others = [] } = options
    const { http, server, lan, wan } = ports
    super(
      world.consul,
      [
        'agent',
        `-node=${name}`,
        `-datacenter=${datacenter}`,
        `-data-dir=${directory}`,
        '-bind=127.0.0.1',
        `-http-port=${http}`,
        '-dns-port=-1',
        '-grpc-port=-1',
        `-server-port=${server}`,
        `-serf-lan-port=${lan}`,
        ...(isServer ? ['-server', '-bootstrap-expect=1', `-serf-wan-port=${wan}`] : []),
        ...(key === undefined ? [] : [`-encrypt=${base64(key)}`]),
        ...others.map((address) => `-join=${address}`),
      ],
      { logPath: join(world.directory, `${name}.log`) },
    )
    this.name = name
    this.address = `127.0.0.1:${lan}`
    this.wanAddress = `127.0.0.1:${wan}`
    this.directory = directory
    this.#httpPort = http
  }

  /** Resolves when it answers. */
  static async start(world: World, options: ConsulAgentOptions): Promise<ConsulAgent> {
    const directory = join(world.directory, options.name)
    await mkdir(directory, { recursive: true })
    const agent = new ConsulAgent(world, directory, options, {
      http: await world.nextPort(),
      server: await world.nextPort(),
      lan: options.port ?? (await world.nextPort()),
      wan: options.isWan === true ? await world.nextPort() : -1,
    })
    return started(agent, () => agent.get('/v1/agent/self'))
  }

  get(path: string): Promise<unknown> {
    return this.#ask('GET', path)
  }

  put(path: string, body = ''): Promise<unknown> {
    return this.#ask('PUT', path, body)
  }

  post(path: string, body: string): Promise<unknown> {
    return this.#ask('POST', path, body)
  }

  delete(path: string, body: string): Promise<unknown> {
    return this.#ask('DELETE', path, body)
  }

  async view(): Promise<View> {
    return viewOf((await this.get('/v1/agent/members')) as readonly Member[])
  }

  /** The same agent, asked about the servers of all data centres. */
  get wan(): Viewer {
    return {
      name: this.name,
      view: async () => viewOf((await this.get('/v1/agent/members?wan=1')) as readonly Member[]),
    }
  }

  /** The keys that it keeps for its data centre, or between them, the primary first. */
  async keptKeys(pool: 'local' | 'remote' = 'local'): Promise<unknown> {
    return JSON.parse(await readFile(join(this.directory, `serf/${pool}.keyring`), 'utf8'))
  }

  async heard(name: string): Promise<string[]> {
    const events = (await this.get(`/v1/event/list?name=${name}`)) as readonly {
      readonly Name: string
      readonly Payload: string
    }[]
    return events.map(({ Name, Payload }) => `${Name} ${Buffer.from(Payload, 'base64').toString()}`)
  }

  /** Rejects with what it says where that is no success. */
  async #ask(method: string, path: string, body = ''): Promise<unknown> {
    const answer = await exchange(this.#httpPort, { method, path, body })
    const text = answer.body.toString()
    if (answer.status !== 200) throw new Error(text)
    return text.startsWith('[') || text.startsWith('{') ? JSON.parse(text) : text
  }
}
