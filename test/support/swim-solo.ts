import { lanConfig } from '../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../server/gossip/swim/config.ts'
import { SwimCore } from '../../server/gossip/swim/core.ts'
import type {
  SwimEffect,
  SwimEvent,
  SwimInput,
  SwimNeeds,
} from '../../server/gossip/swim/events.ts'
import type { Address, Alive, GossipMessage } from '../../server/gossip/wire/messages.ts'
import { must } from '../../server/model/assert.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { aliveOf, decode, encode } from './swim-pool.ts'

/** Probes and gossip alone: what else happens by the clock is left out, so that a test sees what it asks for. */
export const quietConfig: SwimConfig = { ...lanConfig, pushPullIntervalMs: 0, healIntervalMs: 0 }

/** One core, whose world is the test: it says what time it is, what comes in, and sees everything that goes out. */
export class SwimSolo {
  readonly core: SwimCore
  nowMs = 0
  /** Datagrams sent and not yet looked at. */
  #sent: Sent[] = []
  #calls: Call[] = []
  #answers: Extract<SwimEffect, { kind: 'answer' | 'hangUp' }>[] = []
  #events: SwimEvent[] = []
  readonly metrics: { readonly name: string; readonly value: number }[] = []
  /** Those whose pings are answered at once. */
  answering: ReadonlySet<string> = new Set()
  readonly #addresses = new Map<string, Address>()

  /** `me` and the others, who have known each other for ever. */
  constructor(others: readonly (string | Alive)[], options: SoloOptions = {}) {
    const known = others.map((other) => (typeof other === 'string' ? aliveOf(other) : other))
    const self = options.self ?? aliveOf('me', { address: { host: '10.9.9.9', port: 8301 } })
    for (const { node, address } of [self, ...known]) this.#addresses.set(node, address)
    this.core = new SwimCore({
      self,
      known,
      config: quietConfig,
      chance: seededChance(options.seed ?? 1),
      nowMs: 0,
      encode,
      ...options.needs,
    })
    this.#take()
  }

  /** Time passes, and the core is woken whenever it wants to be. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs
    while (this.core.dueMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.core.dueMs())
      this.step({ kind: 'drained' })
    }
    this.nowMs = untilMs
  }

  /** Time passes until it wants something of the kind; gives that. */
  runUntilSent(kind: GossipMessage['kind'], to?: string, maxMs = 20_000): Sent {
    const untilMs = this.nowMs + maxMs
    for (;;) {
      const at = this.#sent.findIndex(
        (sent) =>
          sent.messages.some((message) => message.kind === kind) &&
          (to === undefined || sent.to === to),
      )
      if (at !== -1) return must(this.#sent.splice(at, 1)[0], 'it was found')
      if (this.core.dueMs() > untilMs) throw new Error(`no ${kind} within ${maxMs} ms`)
      this.nowMs = Math.max(this.nowMs, this.core.dueMs())
      this.step({ kind: 'drained' })
    }
  }

  step(input: SwimInput): void {
    this.core.step(this.nowMs, input)
    this.#take()
  }

  /** A datagram comes from a member. Nothing due is judged by it. */
  hear(from: string, ...messages: readonly GossipMessage[]): void {
    this.step({ kind: 'packet', from: this.addressOf(from), messages })
  }

  /** The same, and the sockets are empty after it. */
  hearAll(from: string, ...messages: readonly GossipMessage[]): void {
    this.hear(from, ...messages)
    this.step({ kind: 'drained' })
  }

  addressOf(name: string): Address {
    return this.#addresses.get(name) ?? aliveOf(name).address
  }

  nameAt({ host, port }: Address): string {
    for (const [name, address] of this.#addresses)
      if (address.host === host && address.port === port) return name
    return `${host}:${port}`
  }

  /** Everything sent since the last look. */
  sent(): Sent[] {
    return this.#sent.splice(0)
  }

  /** Of everything sent since the last look, the messages of a kind. */
  sentOf<K extends GossipMessage['kind']>(
    kind: K,
  ): { readonly to: string; readonly message: Extract<GossipMessage, { kind: K }> }[] {
    return this.sent().flatMap(({ to, messages }) =>
      messages
        .filter((message): message is Extract<GossipMessage, { kind: K }> => message.kind === kind)
        .map((message) => ({ to, message })),
    )
  }

  calls(): Call[] {
    return this.#calls.splice(0)
  }

  answers(): Extract<SwimEffect, { kind: 'answer' | 'hangUp' }>[] {
    return this.#answers.splice(0)
  }

  events(): SwimEvent[] {
    return this.#events.splice(0)
  }

  /** Events as `kind name`, without those that only tell of answers. */
  told(): string[] {
    return this.events()
      .filter(({ kind }) => kind !== 'acked')
      .map((event) => ('member' in event ? `${event.kind} ${event.member.name}` : event.kind))
  }

  stateOf(name: string): string {
    const member = this.core.member(name)
    return member === null ? 'unknown' : `${member.state}@${member.incarnation}`
  }

  #take(): void {
    const before = this.#sent.length
    for (const effect of this.core.take())
      switch (effect.kind) {
        case 'send':
          this.#sent.push({
            to: this.nameAt(effect.to),
            address: effect.to,
            atMs: this.nowMs,
            messages: effect.parts.map(decode),
            bytes: effect.parts.reduce((sum, part) => sum + part.length + 2, 2),
            droppable: effect.droppable,
          })
          break
        case 'call':
          this.#calls.push({ ...effect, name: this.nameAt(effect.to), atMs: this.nowMs })
          break
        case 'answer':
        case 'hangUp':
          this.#answers.push(effect)
          break
        case 'event':
          this.#events.push(effect.event)
          break
        case 'metric':
          this.metrics.push(effect)
          break
      }
    for (const { to, messages } of this.#sent.slice(before)) {
      const ping = messages.find(({ kind }) => kind === 'ping')
      if (ping !== undefined && this.answering.has(to)) this.hear(to, ackOf({ messages: [ping] }))
    }
  }
}

export interface SoloOptions {
  readonly self?: Alive
  readonly seed?: number
  readonly needs?: Partial<SwimNeeds>
}

export interface Sent {
  readonly to: string
  readonly address: Address
  readonly atMs: number
  readonly messages: readonly GossipMessage[]
  readonly bytes: number
  readonly droppable: boolean
}

export type Call = Extract<SwimEffect, { kind: 'call' }> & {
  readonly name: string
  readonly atMs: number
}

/** The number of the ping that was sent. */
export function sequenceOf({ messages }: Pick<Sent, 'messages'>): number {
  for (const message of messages)
    if (message.kind === 'ping' || message.kind === 'indirectPing') return message.sequence
  throw new Error('no ping was sent')
}

export const ackOf = (sent: Pick<Sent, 'messages'>, payload = new Uint8Array()): GossipMessage => ({
  kind: 'ack',
  sequence: sequenceOf(sent),
  payload,
})

export const nackOf = (sent: Pick<Sent, 'messages'>): GossipMessage => ({
  kind: 'nack',
  sequence: sequenceOf(sent),
})
