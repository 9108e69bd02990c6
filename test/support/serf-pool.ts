import { compilePattern } from '../../server/filter/pattern.ts'
import { serfLan } from '../../server/gossip/serf/config.ts'
import type { SerfConfig } from '../../server/gossip/serf/config.ts'
import type {
  KeyOutcome,
  KeyVerb,
  Restored,
  SerfCommand,
  SerfEffect,
  SerfEvent,
} from '../../server/gossip/serf/events.ts'
import { SerfCore } from '../../server/gossip/serf/serf.ts'
import type { SwimCommand, SwimEvent, SwimMember } from '../../server/gossip/swim/events.ts'
import type { Address, Alive } from '../../server/gossip/wire/messages.ts'
import { decodeSerfMessage } from '../../server/gossip/wire/serf-codec.ts'
import type { SerfMessage } from '../../server/gossip/wire/serf-messages.ts'
import { encodeTags } from '../../server/gossip/wire/tags.ts'
import { must } from '../../server/model/assert.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import type { Chance } from '../../server/runtime/chance.ts'

export interface SerfNodeOptions {
  readonly tags?: Readonly<Record<string, string>>
  readonly config?: Partial<SerfConfig>
  /** The highest version of memberlist's protocol that it speaks. */
  readonly protocolMax?: number
  readonly restored?: Restored
  /** What its keyring does; without one the pool is not encrypted. */
  readonly keyring?: (verb: KeyVerb, key: Uint8Array) => KeyOutcome
}

export interface SerfNode {
  readonly pool: SerfPool
  readonly name: string
  readonly address: Address
  readonly core: SerfCore
  readonly keyring: SerfNodeOptions['keyring']
  meta: Uint8Array
  isUp: boolean
  /** What it was told, in order. */
  readonly events: SerfEvent[]
  readonly commands: SwimCommand[]
}

/** How the network treats user messages: lost, doubled, and in any order. */
export interface Weather {
  readonly loss: number
  readonly duplication: number
  readonly reordering: boolean
}

const calm: Weather = { loss: 0, duplication: 0, reordering: false }

/**
 * Several members' Serf on a membership core that is always right at once: who is up is known to everybody who knows the member.
 * Gossip reaches each of them by itself, so what is passed on comes often.
 */
export class SerfPool {
  readonly nodes = new Map<string, SerfNode>()
  readonly chance: Chance
  weather: Weather = calm
  nowMs = 0
  #parcels: (() => void)[] = []

  constructor(seed = 1) {
    this.chance = seededChance(seed)
  }

  /** A member on its own. */
  add(name: string, options: SerfNodeOptions = {}): SerfNode {
    const address = { host: `10.0.0.${this.nodes.size + 1}`, port: 7946 }
    const self: Alive = {
      kind: 'alive',
      incarnation: 1,
      node: name,
      address,
      meta: encodeTags(options.tags ?? {}),
      versions: { protocol: [1, options.protocolMax ?? 5, 2], delegate: [2, 5, 4] },
    }
    const core = new SerfCore({
      self,
      config: { ...serfLan, ...options.config },
      chance: this.chance,
      nowMs: this.nowMs,
      compilePattern,
      ...(options.restored === undefined ? {} : { restored: options.restored }),
    })
    const node: SerfNode = {
      pool: this,
      name,
      address,
      core,
      keyring: options.keyring,
      meta: self.meta,
      isUp: true,
      events: [],
      commands: [],
    }
    this.nodes.set(name, node)
    this.#carryOut(node)
    return node
  }

  /** Members that know each other, and have nothing more to say. */
  addAll(names: readonly string[], options: SerfNodeOptions = {}): SerfNode[] {
    const nodes = names.map((name) => this.add(name, options))
    const [first] = nodes
    for (const node of nodes) if (first && node !== first) this.join(node, first)
    for (const node of nodes) node.events.splice(0)
    return nodes
  }

  join(node: SerfNode, other: SerfNode, ignoreOld = false): void {
    this.command(node, { kind: 'join', ticket: 0, addresses: [other.address], ignoreOld })
  }

  /** Steps a command, and everything that follows from it without time passing. */
  command(node: SerfNode, command: SerfCommand): void {
    node.core.step(this.nowMs, command)
    this.#carryOut(node)
    this.settle()
  }

  /** The membership core says so. */
  tell(node: SerfNode, event: SwimEvent): void {
    node.core.step(this.nowMs, { kind: 'swim', event })
    this.#carryOut(node)
  }

  /** It is gone without a word, and everybody has found out. */
  crash(node: SerfNode): void {
    node.isUp = false
    for (const other of this.#knowing(node))
      this.tell(other, { kind: 'failed', member: memberOf(node, 'dead') })
    this.settle()
  }

  restart(node: SerfNode): void {
    node.isUp = true
    for (const other of this.#knowing(node))
      this.tell(other, { kind: 'joined', member: memberOf(node, 'alive') })
    this.settle()
  }

  /** Both tell each other all that they know. */
  pushPull(a: SerfNode, b: SerfNode, join = false): void {
    const [ofA, ofB] = [a.core.encodeState(), b.core.encodeState()]
    this.tell(b, { kind: 'userState', from: a.address, join, body: ofA })
    this.tell(a, { kind: 'userState', from: b.address, join, body: ofB })
    this.settle()
  }

  /** Time passes, with ticks where they are wanted. */
  advance(ms: number): void {
    const until = this.nowMs + ms
    for (;;) {
      const due = Math.min(...Array.from(this.nodes.values(), ({ core }) => core.dueMs()))
      this.nowMs = Math.max(this.nowMs, Math.min(due, until))
      for (const node of this.nodes.values()) {
        node.core.step(this.nowMs, { kind: 'tick' })
        this.#carryOut(node)
      }
      this.settle()
      if (due > until) return
    }
  }

  /** Until nobody has anything more to say. */
  settle(): void {
    while (this.#parcels.length > 0) {
      const at = this.weather.reordering
        ? Math.floor(this.chance.fraction() * this.#parcels.length)
        : 0
      must(this.#parcels.splice(at, 1)[0], 'a parcel')()
    }
  }

  /** Each member's statuses of all, for comparison. */
  statuses(node: SerfNode): Record<string, number> {
    return Object.fromEntries(node.core.members().map(({ Name, Status }) => [Name, Status]))
  }

  #knowing(node: SerfNode): SerfNode[] {
    return [...this.nodes.values()].filter(
      (other) => other !== node && other.isUp && other.core.member(node.name) !== null,
    )
  }

  #carryOut(node: SerfNode): void {
    for (const effect of node.core.take()) this.#carryOutOne(node, effect)
  }

  #carryOutOne(node: SerfNode, effect: SerfEffect): void {
    if (effect.kind === 'event') node.events.push(effect.event)
    else if (effect.kind === 'swim') this.#swim(node, effect.command)
    else if (effect.kind === 'key') {
      const outcome = node.keyring?.(effect.verb, effect.key) ?? { kind: 'unencrypted' }
      this.#parcels.push(() => {
        node.core.step(this.nowMs, { kind: 'keyDone', task: effect.task, outcome })
        this.#carryOut(node)
      })
    }
  }

  #swim(node: SerfNode, command: SwimCommand): void {
    node.commands.push(command)
    switch (command.kind) {
      case 'broadcast':
        for (const other of this.#knowing(node)) this.#deliver(node, other, command.body)
        if (command.ticket !== null) {
          const { ticket } = command
          this.#parcels.push(() => this.tell(node, { kind: 'broadcastDone', ticket }))
        }
        return
      case 'sendUser': {
        const to = [...this.nodes.values()].find(
          ({ address }) => address.host === command.to.host && address.port === command.to.port,
        )
        if (to?.isUp === true) this.#deliver(node, to, command.body)
        return
      }
      case 'join':
        return this.#join(node, command)
      case 'leave':
        for (const other of this.#knowing(node))
          this.tell(other, { kind: 'left', member: memberOf(node, 'left') })
        this.tell(node, { kind: 'left', member: memberOf(node, 'left') })
        node.isUp = false
        return this.tell(node, { kind: 'leaveDone', ticket: command.ticket, told: true })
      case 'forceLeave': {
        const gone = must(this.nodes.get(command.node), command.node)
        const kind = command.forget ? 'reaped' : 'left'
        return this.tell(node, { kind, member: memberOf(gone, 'left') })
      }
      case 'setMeta': {
        const before = memberOf(node, 'alive')
        node.meta = command.meta
        for (const other of this.#knowing(node))
          this.tell(other, { kind: 'updated', member: memberOf(node, 'alive'), before })
        return
      }
      default:
    }
  }

  #deliver(from: SerfNode, to: SerfNode, body: Uint8Array): void {
    const copies = this.chance.fraction() < this.weather.duplication ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1)
      if (this.chance.fraction() >= this.weather.loss)
        this.#parcels.push(() => {
          if (to.isUp) this.tell(to, { kind: 'user', from: from.address, body })
        })
  }

  #join(node: SerfNode, { ticket, addresses }: Extract<SwimCommand, { kind: 'join' }>): void {
    let joined = 0
    for (const { host } of addresses) {
      const other = [...this.nodes.values()].find(({ address }) => address.host === host)
      if (other?.isUp !== true) continue
      joined += 1
      const known = [...this.nodes.values()].filter(
        ({ name, isUp }) => isUp && (name === other.name || other.core.member(name) !== null),
      )
      const [ours, theirs] = [node.core.encodeState(), other.core.encodeState()]
      this.tell(other, { kind: 'userState', from: node.address, join: true, body: ours })
      this.tell(node, { kind: 'userState', from: other.address, join: true, body: theirs })
      for (const one of known) {
        if (one === node) continue
        this.tell(one, { kind: 'joined', member: memberOf(node, 'alive') })
        this.tell(node, { kind: 'joined', member: memberOf(one, 'alive') })
      }
    }
    this.tell(node, { kind: 'joinDone', ticket, joined, failures: [] })
  }
}

export function memberOf(node: SerfNode, state: SwimMember['state']): SwimMember {
  const own = must(node.core.member(node.name), 'this node is a member')
  return {
    name: node.name,
    address: node.address,
    meta: node.meta,
    versions: {
      protocol: [own.ProtocolMin, own.ProtocolMax, own.ProtocolCur],
      delegate: [own.DelegateMin, own.DelegateMax, own.DelegateCur],
    },
    incarnation: 1,
    state,
    degraded: false,
    unconfirmed: false,
  }
}

/** What a node was told of this kind. */
export function heard<K extends SerfEvent['kind']>(
  node: SerfNode,
  kind: K,
): Extract<SerfEvent, { kind: K }>[] {
  return node.events.filter(
    (event): event is Extract<SerfEvent, { kind: K }> => event.kind === kind,
  )
}

/** The last message of this kind that it sent or passed on. */
export function lastSent<K extends SerfMessage['kind']>(
  node: SerfNode,
  kind: K,
): Extract<SerfMessage, { kind: K }> {
  const sent = node.commands
    .flatMap((command) => ('body' in command ? [decodeSerfMessage(command.body)] : []))
    .findLast((message): message is Extract<SerfMessage, { kind: K }> => message.kind === kind)
  return must(sent, `${node.name} sent a ${kind}`)
}
