import { compilePattern } from '../../../server/filter/pattern.ts'
import { lanAdmission } from '../../../server/gossip/lan-admission.ts'
import { openLivePool } from '../../../server/gossip/live-pool.ts'
import type { LivePool } from '../../../server/gossip/live-pool.ts'
import { openPoolKeys } from '../../../server/gossip/pool-keys.ts'
import { wanProfile } from '../../../server/gossip/pool-profile.ts'
import { open } from '../../../server/gossip/user-events/envelope.ts'
import { wanAdmission } from '../../../server/gossip/wan-admission.ts'
import { memberStatus } from '../../../server/model/member.ts'
import { systemChance } from '../../../server/runtime/chance.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { viewOf } from './view.ts'
import type { View, Viewer } from './view.ts'
import { bytes } from './world.ts'

export interface OurOptions {
  readonly name: string
  readonly id: string
  readonly port: number
  /** In base64; `''` for a pool in the clear. */
  readonly key: string
  readonly keyringPath?: string
  readonly datacenter?: string
  /** A server among those of all data centres; else a client in its own. */
  readonly isWan?: boolean
  /** Beside those that every agent of Consul has. */
  readonly tags?: Readonly<Record<string, string>>
}

export function tagsOf({
  id,
  datacenter: dc = 'dc1',
  isWan = false,
  tags = {},
}: Pick<OurOptions, 'id' | 'datacenter' | 'isWan' | 'tags'>): Record<string, string> {
  const own = { dc, id, segment: '', vsn: '2', vsn_min: '2', vsn_max: '3', build: '1.8.7:' }
  const role = isWan ? { role: 'consul', port: '1', raft_vsn: '3', acls: '0' } : { role: 'node' }
  return { ...own, ...role, ...tags }
}

/** Our pool in this process. It writes down the events that it hears, and answers `load` with its name. */
export async function openOurs(options: OurOptions): Promise<Ours> {
  const { name, id, port, key, keyringPath, isWan = false, datacenter = 'dc1' } = options
  const keys = await openPoolKeys(
    {
      key: key === '' ? undefined : new Uint8Array(Buffer.from(key, 'base64')),
      keyringPath,
      verifyIncoming: true,
      verifyOutgoing: true,
    },
    { chance: systemChance, log: noLog },
  )
  const pool = await openLivePool({
    self: {
      Name: name,
      Addr: '127.0.0.1',
      Port: port,
      Tags: tagsOf(options),
      Status: memberStatus.alive,
      ProtocolMin: 1,
      ProtocolMax: 5,
      ProtocolCur: 2,
      DelegateMin: 2,
      DelegateMax: 5,
      DelegateCur: 4,
    },
    bindAddress: '127.0.0.1',
    keys,
    clock: systemClock,
    chance: systemChance,
    log: noLog,
    metrics: noMetrics,
    compilePattern,
    ...(isWan
      ? { profile: wanProfile, admit: wanAdmission }
      : { admit: lanAdmission({ nodeName: name, nodeId: id, datacenter }) }),
  })
  return new Ours(name, `127.0.0.1:${port}`, pool)
}

export class Ours implements Viewer, AsyncDisposable {
  readonly name: string
  readonly address: string
  readonly pool: LivePool
  readonly #events: string[] = []

  constructor(name: string, address: string, pool: LivePool) {
    this.name = name
    this.address = address
    this.pool = pool
    pool.onEvent((event) => {
      const { Name, Payload } = open(event, event.time) ?? {
        Name: event.name,
        Payload: event.payload,
      }
      this.#events.push(`${Name} ${Buffer.from(Payload ?? []).toString()}`)
    })
    pool.onQuery((asked) =>
      asked.name === 'load'
        ? bytes(`${Buffer.from(asked.payload).toString()} of ${name}`)
        : undefined,
    )
  }

  view(): View {
    return viewOf(this.pool.members())
  }

  heard(name: string): string[] {
    return this.#events.filter((line) => line.startsWith(`${name} `))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.pool[Symbol.asyncDispose]()
  }
}
