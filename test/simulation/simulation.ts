import { must } from '../../server/model/assert.ts'
import { membersOf } from '../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import { traceEvent, type Traced } from '../../server/raft/trace.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import type { Membership, NodeId, Recovered } from '../../server/raft/types.ts'
import type { Answer, Command, Frontend } from './command.ts'
import { CoreServer } from './core-server.ts'
import { drawFor } from './draw.ts'
import { DriverServer } from './driver-server.ts'
import { Invariants } from './invariants.ts'
import { encodeCommand } from './ledger.ts'
import { Loop } from './loop.ts'
import { Machine } from './machine.ts'
import { Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { planOf, type Fault, type Level, type Plan } from './plan.ts'
import { Scheduler } from './scheduler.ts'
import type { Host, SimulatedServer, Turn } from './server.ts'
import { Specification } from './specification.ts'
import { encodeForStore } from './store-replica.ts'
import { Story } from './story.ts'
import { hold, Violation } from './violation.ts'
import { Wire } from './wire.ts'
import { Workload } from './workload.ts'

export interface Outcome {
  readonly seed: number
  readonly steps: number
  readonly turns: number
  readonly virtualMs: number
  /** Of everything that happened, in order. */
  readonly digest: number
  readonly faults: ReadonlyMap<Fault, number>
  readonly messages: Readonly<Record<string, number>>
  /** What the cluster did: a run in which it never had to is no proof that it could. */
  readonly deeds: Readonly<Record<string, number>>
  readonly requests: Readonly<Record<string, number>>
  readonly commitIndex: number
  readonly failure: Failure | null
}

export interface Failure {
  readonly invariant: string
  readonly text: string
  /** The last that happened, for a person. */
  readonly story: string
}

/** A healed cluster that does not agree after this is never going to. */
const agreementMs = 40_000
const serversMax = 7

/** Every so many seeds are judged by the specification as well. */
const specifiedEvery: Readonly<Record<Level, number>> = { core: 4, driver: 1 }

/** Runs the cluster that a seed stands for. The same seed gives the same run, to the last draw. */
export async function simulate(seed: number, level: Level): Promise<Outcome> {
  if (level === 'core') return await new Simulation(planOf(seed, level), null).run()
  using loop = new Loop()
  return await new Simulation(planOf(seed, level), loop).run()
}

class Simulation implements Host {
  readonly #plan: Plan
  readonly #scheduler = new Scheduler()
  readonly #network: Network
  readonly #servers = new Map<NodeId, SimulatedServer>()
  readonly #invariants: Invariants
  /** A second judge, slower and of other making. */
  readonly #specification: Specification | null
  readonly #workload: Workload
  readonly #nemesis: Nemesis
  readonly #story: Story
  readonly #loop: Loop | null
  /** At the level of the core messages are handed over as they are. */
  readonly #wire: Wire | null
  readonly #deeds = {
    elections: 0,
    truncations: 0,
    'snapshots taken': 0,
    'snapshots installed': 0,
    'memberships appended': 0,
    'logs refused as damaged': 0,
  }
  #turns = 0
  #failure: Error | null = null

  /** The loop is for servers that ask Node for turns. */
  constructor(plan: Plan, loop: Loop | null) {
    const { seed } = plan
    this.#plan = plan
    this.#loop = loop
    this.#wire = plan.level === 'driver' ? new Wire() : null
    this.#invariants = new Invariants(plan.config.electionTimeoutMinMs)
    this.#specification = seed % specifiedEvery[plan.level] === 0 ? new Specification() : null
    this.#story = new Story(this.#scheduler)
    this.#network = new Network(this.#scheduler, drawFor(seed, 'network'))
    const ids = Array.from({ length: plan.voters }, (_, at) => String(at + 1))
    const membership: Membership = {
      ...emptyMembership,
      voters: ids,
      addresses: Object.fromEntries(ids.map((id) => [id, `${id}:8300`])),
    }
    for (const id of ids) this.#add(id, membership)
    this.#workload = new Workload(plan, drawFor(seed, 'clients'), {
      scheduler: this.#scheduler,
      servers: () => [...this.#servers.keys()],
      ask: (server, request) => this.#ask(server, request),
    })
    this.#nemesis = new Nemesis(plan, drawFor(seed, 'nemesis'), {
      scheduler: this.#scheduler,
      network: this.#network,
      servers: this.#servers,
      addServer: () => this.#addServer(),
      note: (line) => this.#story.line(line),
    })
  }

  async run(): Promise<Outcome> {
    let failure: Failure | null = null
    try {
      for (const server of this.#servers.values()) server.start()
      await this.#pass(this.#plan.faultsMs)
      this.#story.line('--- everything is healed')
      this.#nemesis.heal()
      this.#workload.stop()
      await this.#agree()
      this.#workload.judge((command) => this.positionOf(this.#encode(command)))
    } catch (error) {
      failure = {
        invariant: error instanceof Violation ? error.invariant : nameOf(error),
        text: error instanceof Error ? (error.stack ?? error.message) : String(error),
        story: this.#story.print(),
      }
    }
    const { digest, nowMs, steps } = this.#scheduler
    return {
      seed: this.#plan.seed,
      steps,
      turns: this.#turns,
      virtualMs: nowMs,
      digest,
      faults: this.#nemesis.done,
      messages: this.#network.lost,
      deeds: this.#deeds,
      requests: this.#workload.counts,
      commitIndex: this.#invariants.commitIndex,
      failure,
    }
  }

  send(from: NodeId, to: NodeId, message: RaftMessage): void {
    const server = this.#servers.get(to)
    if (server === undefined) return
    const wire = this.#wire
    const frame = wire?.encode(message)
    this.#network.send(from, to, () =>
      server.machine.later(0, () =>
        server.receive(from, wire && frame ? wire.decode(frame) : message),
      ),
    )
  }

  started(id: NodeId, recovered: Recovered): void {
    this.#story.line(
      `${id} starts: entries ${recovered.log.firstIndex()}…${recovered.log.lastIndex()}`,
    )
    this.#guard(() => {
      this.#invariants.started(id, recovered)
      this.#specify(id, { kind: 'start', recovered })
    })
  }

  turned(id: NodeId, turn: Turn): void {
    this.#turns += 1
    this.#story.turn(id, turn)
    const { commitIndex, lastIndex, term } = turn.status
    this.#scheduler.note(this.#scheduler.nowMs * 1000)
    for (const value of [Number(id), term, lastIndex, commitIndex, turn.events.length])
      this.#scheduler.note(value)
    this.#note(turn)
    this.#guard(() => {
      this.#invariants.turned(id, turn)
      this.#checkLeases()
      this.#specify(id, { kind: 'turn', ...turn })
    })
  }

  #note({ events, output }: Turn): void {
    const { append, restore, role } = output
    if (role?.role === 'leader') this.#deeds.elections += 1
    if (restore !== null) this.#deeds['snapshots installed'] += 1
    if (append !== null && append.truncateFrom !== null) this.#deeds.truncations += 1
    if (append?.entries.some(({ kind }) => kind === 'membership') === true)
      this.#deeds['memberships appended'] += 1
    if (events.some(({ kind }) => kind === 'snapshotSaved')) this.#deeds['snapshots taken'] += 1
  }

  refused(id: NodeId): void {
    this.#story.line(`${id} will not start: its log is damaged`)
    this.#deeds['logs refused as damaged'] += 1
  }

  died(id: NodeId): void {
    this.#story.line(`${id} ends itself: its disk failed`)
    this.#nemesis.startAgain(must(this.#servers.get(id), 'a server'))
  }

  failed(error: Error): void {
    this.#failure ??= error
  }

  #specify(id: NodeId, traced: Traced): void {
    const refusal = this.#specification?.reject(traceEvent(id, traced)) ?? null
    hold(refusal === null, 'Specification', () => refusal ?? '')
  }

  /** While one may answer reads from its lease, nobody leads a later term. */
  #checkLeases(): void {
    for (const { leaseUntilMs, machine, id } of this.#leaders()) {
      hold(
        machine.rate === 0 || leaseUntilMs <= machine.localMs,
        'LeaseIsExclusive',
        () => `term ${this.#invariants.newestTermLed} is led in the lease of ${id}`,
      )
    }
  }

  *#leaders(): Generator<{ id: NodeId; machine: Machine; leaseUntilMs: number }> {
    const { newestTermLed } = this.#invariants
    for (const [id, server] of this.#servers) {
      const status = server.status()
      if (status === null || status.role !== 'leader' || status.term >= newestTermLed) continue
      const leaseUntilMs = server.leaseUntilMs()
      if (leaseUntilMs !== null) yield { id, machine: server.machine, leaseUntilMs }
    }
  }

  async #pass(durationMs: number): Promise<void> {
    const untilMs = this.#scheduler.nowMs + durationMs
    while (this.#scheduler.next(untilMs)) {
      if (this.#loop !== null) await this.#loop.settle()
      if (this.#failure !== null) throw this.#failure
    }
  }

  /** Everybody is there and hears everybody: soon one leads, and all have what it has. */
  async #agree(): Promise<void> {
    const deadlineMs = this.#scheduler.nowMs + agreementMs
    const probe: { became: Answer['kind'] | 'asked' | null } = { became: null }
    while (this.#scheduler.nowMs < deadlineMs) {
      await this.#pass(100)
      const leader = this.#agreedLeader()
      if (leader === null || this.#workload.open > 0) continue
      if (probe.became === 'written') return this.#checkReplicas()
      if (probe.became === 'asked') continue
      probe.became = 'asked'
      this.#workload.probe(leader, ({ kind }) => (probe.became = kind))
    }
    throw new Violation(
      'Liveness',
      `no agreement ${agreementMs} ms after all was healed:\n${this.#describe()}`,
    )
  }

  #agreedLeader(): NodeId | null {
    const leaders = this.#up().filter((server) => server.status()?.role === 'leader')
    const status = leaders[0]?.status()
    if (leaders.length !== 1 || status === null || status === undefined) return null
    const { commitIndex, lastIndex, membership } = status
    if (commitIndex < lastIndex || membership.outgoing.length > 0) return null
    const isAgreed = membersOf(membership).every((id) => {
      const server = this.#servers.get(id)
      return server?.state === 'refused' || server?.status()?.appliedIndex === lastIndex
    })
    return isAgreed ? status.id : null
  }

  #checkReplicas(): void {
    const digests = new Map<number, number>()
    for (const server of this.#up()) {
      const { index } = server.replica()
      const digest = server.replica().digest()
      hold(
        (digests.get(index) ?? digest) === digest,
        'ReplicasAreEqual',
        () => `${server.machine.id} holds another state at ${index} than others`,
      )
      digests.set(index, digest)
    }
  }

  #ask(id: NodeId, request: (frontend: Frontend) => void): void {
    const server = must(this.#servers.get(id), 'a server')
    if (server.state !== 'up') return request(nobody)
    server.machine.later(0, () => request(this.#forwarding(server)))
  }

  /** As a server's RPC does: what it can not do itself goes to the leader that it knows. */
  #forwarding(server: SimulatedServer): Frontend {
    const { id } = server.machine
    const pass = (
      request: (frontend: Frontend, answer: (answer: Answer) => void) => void,
      answer: (answer: Answer) => void,
    ): void => {
      const leader = server.leader()
      if (leader === null) return answer({ kind: 'refused' })
      const other = must(this.#servers.get(leader), 'a leader')
      if (leader === id) return request(other, answer)
      this.#network.call(id, leader, () =>
        other.machine.later(0, () =>
          request(other, (found) => this.#network.call(leader, id, () => answer(found))),
        ),
      )
    }
    return {
      leader: () => server.leader(),
      write: (command, answer) => pass((frontend, found) => frontend.write(command, found), answer),
      read: (key, mode, answer) =>
        pass((frontend, found) => frontend.read(key, mode, found), answer),
    }
  }

  positionOf(payload: Uint8Array): number | undefined {
    return this.#invariants.positionOf(payload)
  }

  #encode(command: Command): Uint8Array {
    return this.#plan.level === 'core' ? encodeCommand(command) : encodeForStore(command)
  }

  #addServer(): SimulatedServer | null {
    if (this.#servers.size >= serversMax) return null
    const server = this.#add(String(this.#servers.size + 1), null)
    server.start()
    return server
  }

  #add(id: NodeId, bootstrap: Membership | null): SimulatedServer {
    const draw = drawFor(this.#plan.seed, `server ${id}`)
    const { chunkBytes, config, level, snapshotEntries } = this.#plan
    const machine = new Machine(id, this.#scheduler, draw.between(0, 1e6), (entered) => {
      if (this.#loop !== null) this.#loop.current = entered
    })
    const given = { machine, host: this, draw, bootstrap, snapshotEntries }
    const server =
      level === 'driver'
        ? new DriverServer({ ...given, config })
        : new CoreServer({
            ...given,
            config: { ...config, id, rng: () => draw.fraction() },
            chunkBytes,
          })
    this.#servers.set(id, server)
    return server
  }

  #up(): SimulatedServer[] {
    return [...this.#servers.values()].filter(({ state }) => state === 'up')
  }

  #guard(judge: () => void): void {
    try {
      judge()
    } catch (error) {
      this.#failure ??= error as Error
      throw error
    }
  }

  #describe(): string {
    return [...this.#servers.values()]
      .map((server) => {
        const status = server.status()
        if (status === null) return `${server.machine.id} ${server.state}`
        const { appliedIndex, commitIndex, lastIndex, membership, role, term } = status
        const { voters, outgoing, learners } = membership
        return (
          `${status.id} ${role} of term ${term}, applied ${appliedIndex}, committed ${commitIndex} of ${lastIndex}, ` +
          `voters ${voters.join()} outgoing ${outgoing.join()} learners ${learners.join()}`
        )
      })
      .join('\n')
  }
}

const nobody: Frontend = {
  leader: () => null,
  write: (_, answer) => answer({ kind: 'refused' }),
  read: (_key, _mode, answer) => answer({ kind: 'refused' }),
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message}` : String(error)
}
