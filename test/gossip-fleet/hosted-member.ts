import { compilePattern } from '../../server/filter/pattern.ts'
import { openLivePool } from '../../server/gossip/live-pool.ts'
import type { LivePool } from '../../server/gossip/live-pool.ts'
import { lanConfig } from '../../server/gossip/swim/config.ts'
import { assert } from '../../server/model/assert.ts'
import { memberStatus } from '../../server/model/member.ts'
import type { Member } from '../../server/model/member.ts'
import { systemChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import { serverNamed } from '../support/pool.ts'
import { sharedNowMs } from './orders.ts'
import type { Seat, Sighting, View } from './orders.ts'

/** A member as an agent has it, on sockets of its own, that tells what it comes to believe of others. */
export class HostedMember implements AsyncDisposable {
  readonly seat: Seat
  readonly #tell: (sighting: Sighting) => void
  readonly #seen = new Map<string, Sighting['kind']>()
  #suspects: ReadonlySet<string> = new Set()
  #pool: LivePool | undefined
  #looking: NodeJS.Immediate | undefined

  static async open(seat: Seat, tell: (sighting: Sighting) => void): Promise<HostedMember> {
    const member = new HostedMember(seat, tell)
    await member.#open()
    return member
  }

  private constructor(seat: Seat, tell: (sighting: Sighting) => void) {
    this.seat = seat
    this.#tell = tell
  }

  async join(through: readonly string[]): Promise<void> {
    await this.#opened.join(through)
  }

  view(): View {
    const members = this.#opened.members()
    const named = (status: number): string[] =>
      members.filter(({ Status }) => Status === status).map(({ Name }) => Name)
    return {
      by: this.seat.name,
      alive: named(memberStatus.alive),
      suspected: [...this.#suspectsNow()],
      failed: named(memberStatus.failed),
      healthScore: this.#opened.healthScore(),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#looking !== undefined) clearImmediate(this.#looking)
    await this.#opened[Symbol.asyncDispose]()
  }

  get #opened(): LivePool {
    assert(this.#pool !== undefined, 'the member is open')
    return this.#pool
  }

  async #open(): Promise<void> {
    this.#pool = await openLivePool({
      self: memberAt(this.seat),
      bindAddress: this.seat.host,
      keys: null,
      clock: systemClock,
      chance: systemChance,
      log: noLog,
      metrics: {
        ...noMetrics,
        count: (name) => {
          if (name === 'memberlist.msg.suspect') this.#lookForSuspects()
        },
      },
      compilePattern,
    })
    this.#pool.onChange(() => {
      this.#looking ??= setImmediate(() => this.#look())
    })
  }

  /** What changed since the last time, of many changes at once. */
  #look(): void {
    this.#looking = undefined
    const atMs = sharedNowMs()
    for (const { Name, Status } of this.#opened.members()) {
      const kind = kinds.get(Status)
      if (kind === undefined || this.#seen.get(Name) === kind) continue
      this.#seen.set(Name, kind)
      this.#tell({ kind, by: this.seat.name, of: Name, atMs })
    }
  }

  #lookForSuspects(): void {
    const before = this.#suspects
    this.#suspects = this.#suspectsNow()
    const atMs = sharedNowMs()
    for (const of of this.#suspects)
      if (!before.has(of)) this.#tell({ kind: 'suspected', by: this.seat.name, of, atMs })
  }

  /** Who stands accused is above the threshold of those who may accuse. */
  #suspectsNow(): Set<string> {
    const pool = this.#opened
    const live = pool.members().filter(({ Status }) => Status === memberStatus.alive)
    const names = live.map(({ Name }) => Name)
    return new Set(names.filter((name) => pool.suspicionLevel(name) >= lanConfig.accrual.threshold))
  }
}

const kinds: ReadonlyMap<number, Sighting['kind']> = new Map([
  [memberStatus.alive, 'alive'],
  [memberStatus.failed, 'failed'],
  [memberStatus.left, 'left'],
])

/** A client: servers watch each other by heartbeats as well. */
function memberAt({ name, host, port }: Seat): Member {
  const server = serverNamed(name, `id-${name}`)
  const { build = '', vsn = '' } = server.Tags
  const Tags = { build, dc: 'dc1', id: `id-${name}`, role: 'node', segment: '', vsn }
  return { ...server, Addr: host, Port: port, Tags }
}
