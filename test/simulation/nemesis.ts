import { assertNever } from '../../server/model/assert.ts'
import { membersOf } from '../../server/raft/core/membership.ts'
import type { MembershipChange } from '../../server/raft/core/output.ts'
import type { NodeId } from '../../server/raft/types.ts'
import type { Draw } from './draw.ts'
import type { Network } from './network.ts'
import type { Fault, Plan } from './plan.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimulatedServer } from './server.ts'

export interface Surroundings {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly servers: ReadonlyMap<NodeId, SimulatedServer>
  /** A server that was not there before, with an empty disk; null when there are enough. */
  readonly addServer: () => SimulatedServer | null
  readonly note: (line: string) => void
}

/** Does harm, of the kinds that the plan has, until it is told to heal everything. */
export class Nemesis {
  /** How often each was done. */
  readonly done = new Map<Fault, number>()
  readonly #plan: Plan
  readonly #draw: Draw
  readonly #around: Surroundings
  #isOver = false

  constructor(plan: Plan, draw: Draw, around: Surroundings) {
    this.#plan = plan
    this.#draw = draw
    this.#around = around
    if (plan.faults.includes('weather')) this.#changeWeather()
    this.#wait()
  }

  /** Nothing is broken any more but what can not be repaired. */
  heal(): void {
    this.#isOver = true
    const { network, servers } = this.#around
    network.heal()
    for (const server of servers.values()) {
      this.#soothe(server)
      if (server.machine.isStopped) this.#wake(server)
      if (server.state === 'down') server.start()
    }
  }

  /** Also what ended by itself is started again. */
  startAgain(server: SimulatedServer): void {
    this.#around.scheduler.after(this.#draw.exponential(this.#draw.oneOf([10, 300, 1500])), () => {
      if (server.state === 'down') server.start()
    })
  }

  #wait(): void {
    const { faults, paceMs } = this.#plan
    if (faults.length === 0) return
    this.#around.scheduler.after(this.#draw.exponential(paceMs), () => {
      if (this.#isOver) return
      this.#strike(this.#draw.oneOf(faults))
      this.#wait()
    })
  }

  #strike(fault: Fault): void {
    const running = this.#servers((server) => server.state === 'up' && !server.machine.isStopped)
    if (running.length === 0) return
    const server = this.#draw.oneOf(running)
    const what = this.#carryOut(fault, server)
    if (what === null) return
    this.done.set(fault, (this.done.get(fault) ?? 0) + 1)
    this.#around.note(`--- ${fault} ${what}`)
  }

  /** Says what was done; null when nothing could be. */
  #carryOut(fault: Fault, server: SimulatedServer): string | null {
    const { id } = server.machine
    const draw = this.#draw
    switch (fault) {
      case 'crash':
        return this.#crash(server)
      case 'blackout':
        for (const other of this.#servers(({ state }) => state === 'up')) this.#crash(other)
        return 'everywhere'
      case 'pause':
      case 'sleep':
        return this.#stop(server, fault === 'sleep')
      case 'slowLoop': {
        const meanMs = draw.between(1, 60)
        server.machine.loopDelayMs = () => draw.exponential(meanMs)
        this.#later(3000, () => this.#soothe(server))
        return `${id} ${Math.round(meanMs)} ms a turn`
      }
      case 'slowDisk': {
        const meanMs = draw.oneOf([5, 50, 400])
        server.syncDelayMs = () => draw.exponential(meanMs)
        this.#later(4000, () => this.#soothe(server))
        return `${id} ${meanMs} ms a sync`
      }
      case 'syncError':
        server.failSync()
        return id
      case 'bitRot':
        return this.#rot(server)
      case 'skew':
        server.machine.setRate(draw.between(0.99, 1.01))
        if (draw.happens(0.3)) server.machine.jumpWall(draw.between(-1e6, 1e6))
        return id
      case 'transfer':
        server.transfer()
        return `from ${id}`
      case 'change':
        return this.#change()
      case 'snapshot':
        server.snapshot()
        return id
      case 'weather':
        return this.#changeWeather()
      default:
        return this.#disturbLinks(fault, id)
    }
  }

  #crash(server: SimulatedServer): string {
    const { id } = server.machine
    server.crash()
    this.startAgain(server)
    return id
  }

  #stop(server: SimulatedServer, isAsleep: boolean): string {
    const forMs = this.#draw.oneOf([20, 150, 800, 1500, 4000]) * this.#draw.between(0.5, 1.5)
    server.machine.stop(isAsleep)
    this.#around.scheduler.after(forMs, () => {
      if (server.machine.isStopped) this.#wake(server)
    })
    return `${server.machine.id} for ${Math.round(forMs)} ms`
  }

  #wake(server: SimulatedServer): void {
    const isAsleep = server.machine.rate === 0
    server.machine.resume(isAsleep ? 1 : server.machine.rate)
    if (isAsleep) server.woke()
  }

  #rot(server: SimulatedServer): string | null {
    const others = this.#servers(({ state }) => state !== 'refused').length
    const damaged = this.done.get('bitRot') ?? 0
    // A quorum must be left that never saw damage.
    if (damaged > 0 || others < 3 || !server.rot()) return null
    this.#crash(server)
    return server.machine.id
  }

  #change(): string | null {
    const { servers } = this.#around
    const leader = this.#servers(({ state }) => state === 'up').find(
      (server) => server.status()?.role === 'leader',
    )
    const status = leader?.status()
    if (leader === undefined || status === null || status === undefined) return null
    const changes = new Map<NodeId, MembershipChange>()
    for (let left = this.#draw.oneOf([1, 1, 1, 2, 3]); left > 0; left -= 1) {
      const kind = this.#draw.oneOf(['addVoter', 'addVoter', 'addLearner', 'remove'] as const)
      if (kind === 'remove') {
        const id = this.#draw.oneOf(membersOf(status.membership))
        changes.set(id, { kind, id })
      } else {
        const fresh = this.#draw.happens(0.3) ? this.#around.addServer() : null
        const id = fresh?.machine.id ?? this.#draw.oneOf([...servers.keys()])
        changes.set(id, { kind, id, address: `${id}:8300` })
      }
    }
    leader.change([...changes.values()])
    return [...changes.values()].map(({ kind, id }) => `${kind} ${id}`).join(', ')
  }

  #changeWeather(): string {
    const draw = this.#draw
    this.#around.network.weather = {
      delayMinMs: draw.oneOf([0.1, 0.1, 5, 100]),
      delayMeanMs: draw.oneOf([0.3, 5, 50, 300]),
      loss: draw.oneOf([0, 0, 0.01, 0.1, 0.3]),
      duplication: draw.oneOf([0, 0, 0.05, 0.3]),
      reorders: draw.happens(0.5),
    }
    const { delayMeanMs, loss } = this.#around.network.weather
    return `delay ${delayMeanMs} ms, loss ${loss}`
  }

  #disturbLinks(
    fault: 'isolate' | 'split' | 'bridge' | 'oneWay' | 'clog' | 'reset',
    id: NodeId,
  ): string {
    const { network, servers } = this.#around
    const others = [...servers.keys()].filter((other) => other !== id)
    switch (fault) {
      case 'isolate':
        return this.#cut(others.flatMap((other) => both(id, other)))
      case 'split': {
        const left = new Set([...servers.keys()].filter(() => this.#draw.happens(0.5)))
        return this.#cut(pairs(servers).filter(([from, to]) => left.has(from) !== left.has(to)))
      }
      // Everybody hears one server, and nobody else: the topology that needs PreVote and CheckQuorum both.
      case 'bridge':
        return this.#cut(pairs(servers).filter(([from, to]) => from !== id && to !== id))
      case 'oneWay': {
        const isDeaf = this.#draw.happens(0.5)
        return this.#cut(others.map((other) => (isDeaf ? [other, id] : [id, other])))
      }
      case 'clog': {
        const forMs = this.#draw.oneOf([50, 300, 1200, 3000])
        for (const other of others) {
          if (this.#draw.happens(0.5)) network.clog(id, other, forMs)
          if (this.#draw.happens(0.5)) network.clog(other, id, forMs)
        }
        return `around ${id} for ${forMs} ms`
      }
      case 'reset':
        for (const other of others) {
          network.reset(id, other)
          network.reset(other, id)
          servers.get(id)?.unreachable(other)
          servers.get(other)?.unreachable(id)
        }
        return `around ${id}`
      default:
        return assertNever(fault)
    }
  }

  #cut(links: readonly Link[]): string {
    const { network } = this.#around
    for (const [from, to] of links) network.cut(from, to)
    this.#later(this.#draw.oneOf([200, 1000, 2500]), () => {
      for (const [from, to] of links) network.mend(from, to)
    })
    return links.map(([from, to]) => `${from}>${to}`).join(' ')
  }

  #soothe(server: SimulatedServer): void {
    server.machine.loopDelayMs = () => 0
    server.syncDelayMs = () => 0.1
  }

  #later(meanMs: number, work: () => void): void {
    this.#around.scheduler.after(this.#draw.exponential(meanMs), () => {
      if (!this.#isOver) work()
    })
  }

  #servers(matches: (server: SimulatedServer) => boolean): SimulatedServer[] {
    return [...this.#around.servers.values()].filter(matches)
  }
}

type Link = readonly [NodeId, NodeId]

function both(one: NodeId, other: NodeId): Link[] {
  return [
    [one, other],
    [other, one],
  ]
}

function pairs(servers: ReadonlyMap<NodeId, unknown>): Link[] {
  const ids = [...servers.keys()]
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to): Link => [from, to]))
}
