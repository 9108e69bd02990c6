import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Program, started } from './process.ts'
import type { View, Viewer } from './view.ts'
import { base64 } from './world.ts'
import type { Key, World } from './world.ts'

export interface SerfAgentOptions {
  readonly name: string
  readonly key: Key
  /** Keeps its keys in a file; else it has the one key at every start. */
  readonly keepsKeys?: boolean
  /** Where to be found; else at a port that nobody had. */
  readonly port?: number
  /** Whom to join when it starts. */
  readonly join?: readonly string[]
}

const answerWaitMs = 20_000

/** A real Serf. It writes down the events that it hears, and answers `load` with its name. */
export class SerfAgent extends Program implements Viewer {
  readonly name: string
  readonly address: string
  readonly keyringPath: string
  readonly #command: string
  readonly #rpc: string
  readonly #eventsPath: string

  private constructor(
    world: World,
    directory: string,
    { name, key, keepsKeys, join: others = [] }: SerfAgentOptions,
    { port, rpcPort }: { readonly port: number; readonly rpcPort: number },
  ) {
    const rpc = `127.0.0.1:${rpcPort}`
    const eventsPath = join(directory, 'events')
    const keyringPath = join(directory, 'keyring')
    const keyed = keepsKeys === true ? `-keyring-file=${keyringPath}` : `-encrypt=${base64(key)}`
    super(
      world.serf,
      [
        'agent',
        `-node=${name}`,
        `-bind=127.0.0.1:${port}`,
        `-rpc-addr=${rpc}`,
        `-tag=kind=serf`,
        `-event-handler=user=echo "$SERF_USER_EVENT $(cat)" >> ${eventsPath}`,
        '-event-handler=query:load=printf "%s of $SERF_SELF_NAME" "$(cat)"',
        ...(key === undefined ? [] : [keyed]),
        ...others.map((address) => `-join=${address}`),
      ],
      { logPath: join(world.directory, `${name}.log`) },
    )
    this.name = name
    this.address = `127.0.0.1:${port}`
    this.keyringPath = keyringPath
    this.#command = world.serf
    this.#rpc = rpc
    this.#eventsPath = eventsPath
  }

  /** Resolves when it answers. */
  static async start(world: World, options: SerfAgentOptions): Promise<SerfAgent> {
    const directory = join(world.directory, options.name)
    await mkdir(directory, { recursive: true })
    if (options.keepsKeys === true && options.key !== undefined)
      await writeFile(join(directory, 'keyring'), JSON.stringify([base64(options.key)]), {
        flag: 'wx',
        mode: 0o600,
      }).catch(() => undefined)
    const ports = {
      port: options.port ?? (await world.nextPort()),
      rpcPort: await world.nextPort(),
    }
    const agent = new SerfAgent(world, directory, options, ports)
    return started(agent, () => agent.run('info'))
  }

  /** What its command line prints. Rejects where that exits with anything but 0. */
  async run(verb: string, ...args: readonly string[]): Promise<string> {
    const all = [verb, `-rpc-addr=${this.#rpc}`, ...args]
    const { stdout } = await promisify(execFile)(this.#command, all, { timeout: answerWaitMs })
    return stdout
  }

  async view(): Promise<View> {
    const { members } = JSON.parse(await this.run('members', '-format=json')) as {
      readonly members: readonly {
        readonly name: string
        readonly addr: string
        readonly status: string
        readonly tags: Readonly<Record<string, string>>
      }[]
    }
    return Object.fromEntries(
      members.map(({ name, addr, status, tags }) => [name, { status, address: addr, tags }]),
    )
  }

  /** The events that it heard of that name, with their payloads. */
  async heard(name: string): Promise<string[]> {
    const text = await readFile(this.#eventsPath, 'utf8').catch(() => '')
    return text.split('\n').filter((line) => line.startsWith(`${name} `))
  }
}
