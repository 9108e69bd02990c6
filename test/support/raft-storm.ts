import { assert } from '../../server/model/assert.ts'
import type { MembershipChange, RaftEvent } from '../../server/raft/core/output.ts'
import { quorumReached } from '../../server/raft/core/quorum.ts'
import type { Membership, NodeId } from '../../server/raft/types.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import { members, RaftCluster } from './raft-cluster.ts'
import type { ClusterNode } from './raft-cluster.ts'

/**
 * A cluster in bad weather: messages lost, doubled and overtaken, disks slow, processes stopped and started, links cut, members
 * changed, leadership moved, logs compacted; all of it drawn from one seed. After every step what Raft promises is checked.
 * Then the weather clears, and the cluster must come to agree.
 */
export class Storm {
  readonly cluster: RaftCluster
  readonly #chance: Chance
  readonly #rates: Readonly<Record<Calamity, number>>
  #nowMs = 0
  readonly #stalled = new Set<NodeId>()
  #ticket = 0
  #nextId = 6
  /** Payloads by ticket, and tickets that ended. */
  readonly #proposed = new Map<number, string>()
  readonly #ended = new Map<number, string>()
  /** The highest index that somebody was told is committed, when each read was asked. */
  readonly #readFloors = new Map<number, number>()
  #acknowledged = 0
  /** What each server had committed at the end of the last step, and the memberships it went by since. */
  readonly #commits = new Map<NodeId, number>()
  readonly #memberships = new Map<NodeId, Membership[]>()
  /** Every entry ever seen on a disk, by id: its payload and the term before it. */
  readonly #entries = new Map<string, string>()
  readonly counts = { committed: 0, reads: 0, lost: 0, elections: 0, restores: 0, changes: 0 }

  constructor(seed: number) {
    this.#chance = seededChance(seed)
    this.#rates = drawRates(this.#chance)
    const voters = ['1', '2', '3', '4', '5'].slice(0, this.#pick([1, 2, 3, 3, 3, 3, 5, 5]))
    const rngs = seededChance(seed + 1)
    this.cluster = new RaftCluster({
      membership: members(voters),
      chunkBytes: 16,
      config: {
        rng: () => rngs.fraction(),
        // Short, so that much happens; as many steps long as a real one is ticks.
        electionTimeoutMinMs: 300,
        heartbeatMs: 50,
        leaseGuardMs: 50,
        trailingEntries: this.#pick([0, 2, 10]),
        inflightMessagesMax: this.#pick([1, 2, 64]),
        appendEntriesMax: this.#pick([1, 3, 64]),
        applyEntriesMax: this.#pick([1, 5, 64]),
      },
    })
    this.cluster.observe = ({ node, output }) => {
      if (output.role?.role === 'leader') this.counts.elections += 1
      if (output.membership !== null) this.#counted(node.id).push(output.membership)
      if (output.restore !== null) this.counts.restores += 1
      for (const settlement of output.settled) {
        const { ticket, outcome } = settlement
        assert(!this.#ended.has(ticket), `ticket ${ticket} is settled twice`)
        this.#ended.set(ticket, outcome)
        if (outcome !== 'committed') continue
        this.counts.committed += 1
        this.#acknowledged = Math.max(this.#acknowledged, settlement.index)
        assert(
          output.apply.some(({ index }) => index === settlement.index),
          'a ticket is settled with its entry',
        )
      }
      for (const { ticket, ...result } of output.reads) {
        if (result.outcome !== 'ready') continue
        this.counts.reads += 1
        const floor = this.#readFloors.get(ticket) ?? 0
        assert(result.index >= floor, `a read sees ${result.index}, and ${floor} was acknowledged`)
        assert(node.core.status().appliedIndex >= result.index, 'a ready read is applied')
      }
    }
  }

  rage(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#nowMs += 10
      this.#passTime()
      this.#carryOn()
      if (this.#happens('propose')) this.#propose()
      if (this.#happens('read')) this.#read()
      if (this.#happens('change')) this.#change()
      if (this.#happens('transfer')) this.#atLeader({ kind: 'transfer', to: null })
      if (this.#happens('snapshot')) this.#snapshot()
      if (this.#happens('crash')) this.#crash()
      if (this.#happens('cut')) this.#cut()
      this.#repair()
      this.#check()
      if (step % 25 === 0) this.#checkLogs()
    }
  }

  /** Everything works again: within a few election timeouts there is one leader, and what it takes everybody has. */
  clear(): void {
    const { cluster } = this
    cluster.heal()
    for (const { id, isUp } of cluster.nodes.values()) if (!isUp) this.#restart(id)
    const membersOfLeader = (): NodeId[] => {
      const { membership } = cluster.core(cluster.leader ?? '1').status()
      return [...membership.voters, ...membership.outgoing, ...membership.learners]
    }
    for (let round = 0; round < 400; round += 1) {
      this.#nowMs += 50
      for (const { id } of cluster.up()) cluster.tickAt(id, this.#nowMs)
      cluster.settle()
      this.#check()
      const { leader } = cluster
      if (leader === null || round < 100 || round % 20 !== 0) continue
      const { lastIndex, membership } = cluster.core(leader).status()
      const isAgreed = membersOfLeader().every(
        (id) => cluster.core(id).status().appliedIndex === lastIndex,
      )
      if (isAgreed && membership.outgoing.length === 0 && round >= 140) return this.#checkEnd()
      this.#propose()
    }
    const state = [...cluster.nodes.keys()].map((id) => {
      const { role, term, commitIndex, lastIndex, membership } = cluster.core(id).status()
      return `${id} ${role} ${term} ${commitIndex}/${lastIndex} ${JSON.stringify(membership)}`
    })
    assert(false, `the cluster does not agree after the storm:\n${state.join('\n')}`)
  }

  /** A process that stands still does nothing at all; when it goes on, it first learns how late it is. */
  #passTime(): void {
    this.#stalled.clear()
    for (const { id } of this.cluster.up()) {
      if (this.#happens('stall')) this.#stalled.add(id)
      else this.cluster.tickAt(id, this.#nowMs)
    }
  }

  /** Some of what can be done is done, in no order. */
  #carryOn(): void {
    const { cluster } = this
    for (const { id } of this.#awake()) {
      if (!this.#happens('slowDisk')) cluster.write(id)
      if (!this.#happens('slowDisk')) cluster.apply(id)
      cluster.chore(id)
    }
    const batch = cluster.network.filter(
      ({ to }) => !this.#stalled.has(to) && !this.#happens('delay'),
    )
    for (const envelope of batch) {
      if (this.#happens('loss') || cluster.cut.has(`${envelope.from}>${envelope.to}`))
        cluster.drop((other) => other === envelope)
      else {
        if (this.#happens('duplicate')) cluster.network.push({ ...envelope })
        cluster.deliver(envelope)
      }
    }
    // A network holds only so much.
    if (cluster.network.length > 500) cluster.network = cluster.network.slice(-100)
  }

  #propose(): void {
    this.#ticket += 1
    const text = `p${this.#ticket}`
    this.#proposed.set(this.#ticket, Buffer.from(text).toString('base64'))
    this.#atLeader({
      kind: 'propose',
      ticket: this.#ticket,
      payload: new TextEncoder().encode(text),
    })
  }

  #read(): void {
    this.#ticket += 1
    this.#readFloors.set(this.#ticket, this.#acknowledged)
    this.#atLeader({ kind: 'readIndex', ticket: this.#ticket })
  }

  #change(): void {
    const { leader } = this.cluster
    if (leader === null) return
    const { membership } = this.cluster.core(leader).status()
    const changes = new Map<NodeId, MembershipChange>()
    for (let left = this.#pick([1, 1, 2, 3]); left > 0; left -= 1) {
      const isSmall = membership.voters.length < 4
      const kind = this.#pick([
        'addVoter',
        isSmall ? 'addVoter' : 'remove',
        'addLearner',
        'remove',
      ] as const)
      if (kind === 'remove') {
        const id = this.#pick([...membership.voters, ...membership.learners])
        changes.set(id, { kind, id })
      } else {
        const isNew = this.#happens('newServer') && this.cluster.nodes.size < 9
        const id = isNew ? String(this.#nextId) : this.#pick([...this.cluster.nodes.keys()])
        if (isNew) {
          this.#nextId += 1
          this.cluster.add(id, { empty: true })
        }
        changes.set(id, { kind, id, address: `${id}:8300` })
      }
    }
    this.counts.changes += 1
    this.#ticket += 1
    const ticket = this.#ticket
    this.#atLeader({ kind: 'proposeMembership', ticket, changes: [...changes.values()] })
  }

  #snapshot(): void {
    const awake = this.#awake()
    if (awake.length === 0) return
    const { id, state, core } = this.#pick(awake)
    // A restart that did not apply again yet has nothing new to save.
    if (state.index > core.status().firstIndex && state.index <= core.status().appliedIndex)
      this.cluster.saveSnapshot(id)
  }

  #crash(): void {
    const id = this.#victim()
    if (this.cluster.node(id).isUp && this.cluster.up().length > 1) this.cluster.crash(id)
  }

  /** Somebody sees to what is broken, about as often as a leader is elected. */
  #repair(): void {
    for (const { id, isUp } of this.cluster.nodes.values())
      if (!isUp && this.#happens('restart')) this.#restart(id)
    if (this.cluster.cut.size > 0 && this.#happens('heal')) this.cluster.heal()
  }

  /** Half of the time a leader: most of what can go wrong begins there. */
  #victim(): NodeId {
    const { leader } = this.cluster
    if (leader !== null && this.#chance.fraction() < 0.5) return leader
    return this.#pick([...this.cluster.nodes.keys()])
  }

  #restart(id: NodeId): void {
    // Tickets of the old process ended with it.
    this.cluster.restart(id)
    this.cluster.tickAt(id, this.#nowMs)
  }

  /** A server from everybody, or one way of one link. */
  #cut(): void {
    const id = this.#victim()
    const others = [...this.cluster.nodes.keys()].filter((other) => other !== id)
    if (others.length === 0 || this.#chance.fraction() < 0.3) this.cluster.isolate(id)
    else {
      const other = this.#pick(others)
      this.cluster.cut.add(this.#chance.fraction() < 0.7 ? `${id}>${other}` : `${other}>${id}`)
    }
  }

  #atLeader(event: RaftEvent): void {
    // Any that believes it leads, so that a deposed one is asked too.
    const leaders = this.#awake().filter(({ core }) => core.status().role === 'leader')
    if (leaders.length > 0) this.cluster.turn(this.#pick(leaders).id, event)
  }

  #check(): void {
    this.#checkLeases()
    for (const { id, core } of this.cluster.up()) {
      const { commitIndex, role, membership } = core.status()
      const before = this.#commits.get(id) ?? commitIndex
      const counted = this.#counted(id)
      this.#commits.set(id, commitIndex)
      this.#memberships.set(id, [membership])
      if (role !== 'leader' || commitIndex <= before) continue
      if (this.cluster.committedAt(commitIndex) === undefined) continue
      // By any that was in effect in this step: a change that is committed may have begun the next one.
      const isHeld = counted.some(
        (one) => quorumReached(one, (voter) => this.#holds(voter, commitIndex)) >= 1,
      )
      assert(isHeld, `${id} committed ${commitIndex}, and no quorum has it on disk`)
    }
  }

  #counted(id: NodeId): Membership[] {
    const counted = this.#memberships.get(id) ?? []
    this.#memberships.set(id, counted)
    return counted
  }

  /** Log Matching, by its induction: who has the same entry has the same payload in it and the same entry before it. */
  #checkLogs(): void {
    for (const { disk } of this.cluster.nodes.values()) {
      for (let index = disk.lastIndex(); index > disk.firstIndex(); index -= 1) {
        const { term, payload } = disk.entry(index)
        const id = `${index}@${term}`
        const content = `${Buffer.from(payload).toString('base64')} after ${disk.term(index - 1)}`
        const known = this.#entries.get(id)
        if (known === undefined) this.#entries.set(id, content)
        else assert(known === content, `${id} is ${known} here and ${content} there`)
      }
    }
  }

  /** 1 if that server's disk has the committed entry, or a snapshot that covers it. */
  #holds(id: NodeId, index: number): number {
    const disk = this.cluster.nodes.get(id)?.disk
    if (disk === undefined || index > disk.lastIndex()) return 0
    if (index < disk.firstIndex()) return 1
    const { term, payload } = disk.entry(index)
    const identity = `${term}:${Buffer.from(payload).toString('base64')}`
    return identity === this.cluster.committedAt(index) ? 1 : 0
  }

  /** While one server may answer reads from its lease, no other leads a later term, let alone with a lease. */
  #checkLeases(): void {
    const leading = this.cluster.up().filter(({ core }) => core.status().role === 'leader')
    for (const { id, core } of leading) {
      if ((core.lease()?.untilMs ?? 0) <= this.#nowMs) continue
      const { term } = core.status()
      for (const other of leading)
        assert(other.core.status().term <= term, `${other.id} was elected in the lease of ${id}`)
    }
  }

  #checkEnd(): void {
    for (const [ticket, outcome] of this.#ended) {
      const payload = this.#proposed.get(ticket)
      if (outcome !== 'lost' || payload === undefined) continue
      this.counts.lost += 1
      for (let index = 1; this.cluster.committedAt(index) !== undefined; index += 1)
        assert(
          this.cluster.committedAt(index)?.split(':')[1] !== payload,
          `ticket ${ticket} was called lost and is committed at ${index}`,
        )
    }
    const digests = new Map<number, string>()
    for (const { state } of this.cluster.nodes.values()) {
      const known = digests.get(state.index)
      assert(known === undefined || known === state.digest, `two states at ${state.index}`)
      digests.set(state.index, state.digest)
    }
  }

  #awake(): ClusterNode[] {
    return this.cluster.up().filter(({ id }) => !this.#stalled.has(id))
  }

  #happens(calamity: Calamity): boolean {
    return this.#chance.fraction() < this.#rates[calamity]
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#chance.fraction() * items.length)]
    assert(item !== undefined, 'there is something to pick from')
    return item
  }
}

/** How often each happens in a step of 10 ms, at most. Every seed draws its own weather from this. */
const ratesMax = {
  stall: 0.9,
  slowDisk: 0.9,
  delay: 0.8,
  loss: 0.3,
  duplicate: 0.2,
  propose: 0.3,
  read: 0.2,
  change: 0.02,
  newServer: 0.5,
  transfer: 0.01,
  snapshot: 0.05,
  crash: 0.01,
  restart: 0.05,
  cut: 0.02,
  heal: 0.02,
}

/** What mends is never switched off. */
const menders = new Set<string>(['propose', 'restart', 'heal'])

type Calamity = keyof typeof ratesMax

function drawRates(chance: Chance): Record<Calamity, number> {
  const rates = { ...ratesMax }
  for (const calamity of Object.keys(rates) as Calamity[]) {
    const isCalm = !menders.has(calamity) && chance.fraction() < 0.3
    rates[calamity] *= isCalm ? 0 : chance.fraction()
  }
  return rates
}
