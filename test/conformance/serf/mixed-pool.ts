import { join } from 'node:path'

import { must } from '../../../server/model/assert.ts'
import { ConsulAgent } from './consul-agent.ts'
import type { ConsulAgentOptions } from './consul-agent.ts'
import { openOurs } from './our-pool.ts'
import type { Ours, OurOptions } from './our-pool.ts'
import { OurProcess } from './our-process.ts'
import { SerfAgent } from './serf-agent.ts'
import type { SerfAgentOptions } from './serf-agent.ts'
import type { Viewer } from './view.ts'
import { base64 } from './world.ts'
import type { Key, World } from './world.ts'

export const ourIds = {
  ours: 'ca5caded-5eed-4bad-8bad-0123456789ab',
  'ours-2': 'ca5caded-5eed-4bad-8bad-0123456789ac',
} as const

/** One pool with two members of each kind. The second of each can be killed and started again. */
export class MixedPool implements AsyncDisposable {
  readonly world: World
  /** What those have that are started from now on. */
  key: Key
  readonly #stack = new AsyncDisposableStack()
  #ours: Ours | undefined
  #serf: SerfAgent | undefined
  #consul: ConsulAgent | undefined
  ours2: OurProcess | undefined
  serf2: SerfAgent | undefined
  consul2: ConsulAgent | undefined

  constructor(world: World, key: Key) {
    this.world = world
    this.key = key
  }

  async start(): Promise<void> {
    const { world, key } = this
    const [consul, serf] = await Promise.all([
      ConsulAgent.start(world, { name: 'consul', key, isServer: true }),
      SerfAgent.start(world, { name: 'serf', key, keepsKeys: key !== undefined }),
      this.startOurs(),
      this.startConsul2(),
      this.startSerf2(),
    ])
    this.#consul = this.#stack.use(consul)
    this.#serf = this.#stack.use(serf)
    await this.startOurs2()
  }

  get ours(): Ours {
    return must(this.#ours, 'ours runs')
  }

  get serf(): SerfAgent {
    return must(this.#serf, 'serf runs')
  }

  get consul(): ConsulAgent {
    return must(this.#consul, 'consul runs')
  }

  /** The members that are never killed before the end. */
  get firsts(): readonly Viewer[] {
    return [this.ours, this.serf, this.consul]
  }

  get all(): readonly Viewer[] {
    return [...this.firsts, this.ours2, this.serf2, this.consul2].filter(
      (viewer) => viewer !== undefined,
    )
  }

  async startOurs(): Promise<void> {
    this.#ours = this.#stack.use(await openOurs(await this.ourOptions('ours')))
  }

  async startOurs2(given: Partial<OurOptions> = {}): Promise<OurProcess> {
    const options = { ...(await this.ourOptions('ours-2')), ...given }
    return (this.ours2 = this.#stack.use(new OurProcess(this.world, options)))
  }

  async startSerf2(given: Partial<SerfAgentOptions> = {}): Promise<SerfAgent> {
    const options = { name: 'serf-2', key: this.key, ...given }
    return (this.serf2 = this.#stack.use(await SerfAgent.start(this.world, options)))
  }

  async startConsul2(given: Partial<ConsulAgentOptions> = {}): Promise<ConsulAgent> {
    const options = { name: 'consul-2', key: this.key, isServer: false, ...given }
    return (this.consul2 = this.#stack.use(await ConsulAgent.start(this.world, options)))
  }

  async ourOptions(name: keyof typeof ourIds): Promise<OurOptions> {
    const key = base64(this.key)
    return {
      name,
      id: ourIds[name],
      port: await this.world.nextPort(),
      key,
      ...(key === '' ? {} : { keyringPath: join(this.world.directory, `${name}.keyring`) }),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
