import { lanConfig } from '../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../server/gossip/swim/config.ts'
import { SwimCore } from '../../server/gossip/swim/core.ts'
import { Directory } from '../../server/gossip/swim/directory.ts'
import type {
  CallId,
  SwimEffect,
  SwimEvent,
  SwimInput,
  SwimNeeds,
} from '../../server/gossip/swim/events.ts'
import { Heap } from '../../server/gossip/swim/heap.ts'
import type {
  Address,
  Alive,
  GossipMessage,
  StreamMessage,
  WireState,
} from '../../server/gossip/wire/messages.ts'
import { assert, assertNever, must } from '../../server/model/assert.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import type { Chance } from '../../server/runtime/chance.ts'

/**
 * Many cores in one process and one virtual time, joined by a network whose weather a test sets. Messages are passed as they
 * are; only their sizes are as on the wire. The same seed replays the same run.
 */
export class SwimPool {
  readonly nodes = new Map<string, PoolNode>()
  nowMs = 0
  readonly chance: Chance
  readonly #options: PoolOptions
  readonly #directory = new Directory()
  readonly #agenda = new Heap<Errand>(earlier)
  #errands = 0
  /** The chance that a datagram is lost; streams lose their first packet as easily. */
  loss = 0
  /** Who cannot be heard by whom, by datagram and by stream. */
  isCut: (from: string, to: string, by: 'datagram' | 'stream') => boolean = () => false
  latencyMs: () => number
  /** Told of every datagram that is sent. */
  onDatagram: Overhear<readonly GossipMessage[]> = () => {}
  /** Told of what is said first on every stream, and of the answer. */
  onStream: Overhear<StreamMessage> = () => {}

  constructor(options: PoolOptions = {}) {
    this.#options = options
    this.chance = seededChance(options.seed ?? 1)
    this.latencyMs = () => 0.5 + this.chance.fraction()
  }

  /** Members who have known each other for ever. */
  static acquainted(size: number, options: PoolOptions = {}): SwimPool {
    const pool = new SwimPool(options)
    const known = Array.from({ length: size }, (_, at) => aliveOf(nameAt(at)))
    for (const self of known)
      pool.start(self, { known: known.filter(({ node }) => node !== self.node) })
    return pool
  }

  start(self: Alive, needs: Partial<SwimNeeds> = {}): PoolNode {
    const { node: name } = self
    assert(this.nodes.get(name)?.isUp !== true, `${name} runs already`)
    const core = new SwimCore({
      self,
      config: this.#options.config ?? lanConfig,
      chance: seededChance(
        (this.#options.seed ?? 1) * 1_000_003 + this.nodes.size * 7919 + this.nowMs,
      ),
      nowMs: this.nowMs,
      encode,
      directory: this.#directory,
      ...this.#options.needs,
      ...needs,
    })
    const node: PoolNode = {
      name,
      core,
      address: self.address,
      isUp: true,
      pausedUntilMs: null,
      inbox: [],
      events: [],
      told: [],
      wakeMs: Infinity,
      sentBytes: 0,
      callers: new Map(),
    }
    this.nodes.set(name, node)
    this.#turn(node, [])
    return node
  }

  node(name: string): PoolNode {
    return must(this.nodes.get(name), `there is no ${name}`)
  }

  up(): PoolNode[] {
    return [...this.nodes.values()].filter(({ isUp }) => isUp)
  }

  command(name: string, input: SwimInput): void {
    this.#turn(this.node(name), [input])
  }

  /** The process ends; its machine refuses connections from now on. */
  crash(name: string): void {
    this.node(name).isUp = false
  }

  /** The process stands still: packets wait for it, and nothing runs. */
  pause(name: string, forMs: number): void {
    const node = this.node(name)
    node.pausedUntilMs = this.nowMs + forMs
    this.#at(node.pausedUntilMs, () => {
      node.pausedUntilMs = null
      const inbox = node.inbox.splice(0)
      this.#turn(node, inbox)
    })
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs
    for (;;) {
      const next = this.#agenda.first
      if (next === undefined || next.atMs > untilMs) break
      this.#agenda.removeFirst()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
    this.nowMs = untilMs
  }

  /** Runs until it holds, checked every 50 ms; gives how long it took. */
  runUntil(holds: () => boolean, maxMs: number): number {
    const beganMs = this.nowMs
    while (!holds()) {
      if (this.nowMs - beganMs >= maxMs) return Infinity
      this.run(50)
    }
    return this.nowMs - beganMs
  }

  /** What each live node holds of a member. */
  views(of: string): (WireState | null)[] {
    return this.up()
      .filter(({ name }) => name !== of)
      .map(({ core }) => core.member(of)?.state ?? null)
  }

  isHeldBy(of: string, state: WireState | null): boolean {
    return this.views(of).every((view) => view === state)
  }

  /** Whether everybody who is up holds everybody who is up for alive. */
  isAtPeace(): boolean {
    return this.up().every(({ name }) => this.isHeldBy(name, 'alive'))
  }

  eventsOf(kind: SwimEvent['kind']): { readonly by: string; readonly event: SwimEvent }[] {
    return [...this.nodes.values()].flatMap(({ name: by, events }) =>
      events.filter((event) => event.kind === kind).map((event) => ({ by, event })),
    )
  }

  #turn(node: PoolNode, inputs: readonly SwimInput[]): void {
    if (!node.isUp) return
    if (node.pausedUntilMs !== null) {
      node.inbox.push(...inputs)
      return
    }
    for (const input of inputs) node.core.step(this.nowMs, input)
    node.core.step(this.nowMs, { kind: 'drained' })
    for (const effect of node.core.take()) this.#carryOut(node, effect)
    const dueMs = node.core.dueMs()
    if (dueMs >= node.wakeMs && node.wakeMs > this.nowMs) return
    node.wakeMs = dueMs
    this.#at(dueMs, () => {
      if (node.wakeMs === dueMs && node.pausedUntilMs === null) {
        node.wakeMs = Infinity
        this.#turn(node, [])
      }
    })
  }

  #carryOut(node: PoolNode, effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send': {
        const messages = effect.parts.map(decode)
        let bytes = effect.parts.length > 1 ? 2 : 0
        for (const part of effect.parts) bytes += part.length + (effect.parts.length > 1 ? 2 : 0)
        assert(bytes <= lanConfig.packetBytesMax, `a packet of ${bytes} bytes is too long`)
        node.sentBytes += bytes
        const to = this.#nodeAt(effect.to)
        if (to === null) return
        const isLost = this.#isLost(node.name, to.name, 'datagram')
        this.onDatagram(node.name, to.name, messages, isLost)
        if (isLost) return
        this.#at(this.nowMs + this.latencyMs(), () =>
          this.#turn(to, [{ kind: 'packet', from: node.address, messages }]),
        )
        return
      }
      case 'call':
        return this.#call(node, effect.call, effect.to, effect.message, effect.timeoutMs)
      case 'answer':
        node.callers.get(effect.caller)?.(effect.message)
        node.callers.delete(effect.caller)
        return
      case 'hangUp':
        node.callers.delete(effect.caller)
        return
      case 'event':
        node.events.push(effect.event)
        return
      case 'metric':
        return
    }
  }

  #call(
    node: PoolNode,
    call: CallId,
    at: Address,
    message: StreamMessage,
    timeoutMs: number,
  ): void {
    const fail = (reason: 'refused' | 'timeout', afterMs: number): void =>
      this.#at(this.nowMs + afterMs, () => this.#turn(node, [{ kind: 'callFailed', call, reason }]))
    const to = this.#nodeAt(at)
    if (to === null) return fail('timeout', timeoutMs)
    const isLost =
      this.#isLost(node.name, to.name, 'stream') || this.#isLost(to.name, node.name, 'stream')
    this.onStream(node.name, to.name, message, isLost)
    if (isLost) return fail('timeout', timeoutMs)
    if (!to.isUp) return fail('refused', this.latencyMs() * 2)
    let isOver = false
    const caller = (this.#errands += 1)
    to.callers.set(caller, (answer) => {
      this.onStream(to.name, node.name, answer, false)
      this.#at(this.nowMs + this.latencyMs(), () => {
        if (isOver) return
        isOver = true
        this.#turn(node, [{ kind: 'callAnswered', call, message: answer }])
      })
    })
    this.#at(this.nowMs + timeoutMs, () => {
      if (isOver) return
      isOver = true
      this.#turn(node, [{ kind: 'callFailed', call, reason: 'timeout' }])
    })
    this.#at(this.nowMs + this.latencyMs() * 2, () =>
      this.#turn(to, [{ kind: 'called', caller, from: node.address, message }]),
    )
  }

  #isLost(from: string, to: string, by: 'datagram' | 'stream'): boolean {
    return this.isCut(from, to, by) || this.chance.fraction() < this.loss
  }

  #nodeAt({ host, port }: Address): PoolNode | null {
    for (const node of this.nodes.values())
      if (node.address.host === host && node.address.port === port) return node
    return null
  }

  #at(atMs: number, run: () => void): void {
    if (atMs === Infinity) return
    this.#errands += 1
    this.#agenda.add({ atMs, order: this.#errands, run })
  }
}

export interface PoolOptions {
  readonly seed?: number
  readonly config?: SwimConfig
  readonly needs?: Partial<SwimNeeds>
}

export interface PoolNode {
  readonly name: string
  readonly core: SwimCore
  readonly address: Address
  isUp: boolean
  pausedUntilMs: number | null
  inbox: SwimInput[]
  readonly events: SwimEvent[]
  readonly told: string[]
  wakeMs: number
  sentBytes: number
  readonly callers: Map<number, (answer: StreamMessage) => void>
}

/** `isLost` is what the weather keeps from arriving. */
export type Overhear<Said> = (from: string, to: string, said: Said, isLost: boolean) => void

interface Errand {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

const earlier = (a: Errand, b: Errand): number => a.atMs - b.atMs || a.order - b.order

export const nameAt = (at: number): string => `n${String(at).padStart(3, '0')}`

/** What a member says of itself; its address follows from its name unless told. */
export function aliveOf(node: string, change: Partial<Alive> = {}): Alive {
  // Letters have addresses beyond those of numbers.
  const number = /\d/.test(node) ? Number(node.replaceAll(/\D/g, '')) : 40_000 + node.charCodeAt(0)
  return {
    kind: 'alive',
    incarnation: 1,
    node,
    address: { host: `10.0.${number >> 8}.${number & 255}`, port: 8301 },
    meta: new Uint8Array(),
    versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] },
    ...change,
  }
}

const messages = new WeakMap<Uint8Array, GossipMessage>()

/** Bytes of the length that the message has on the wire. What they mean is remembered, not written. */
export function encode(message: GossipMessage): Uint8Array {
  const bytes = new Uint8Array(lengthOf(message))
  messages.set(bytes, message)
  return bytes
}

export function decode(bytes: Uint8Array): GossipMessage {
  return must(messages.get(bytes), 'only what was encoded is decoded')
}

function lengthOf(message: GossipMessage): number {
  switch (message.kind) {
    case 'ping':
      return 30 + message.node.length
    case 'indirectPing':
      return 60 + message.node.length
    case 'ack':
      return 20 + message.payload.length
    case 'nack':
      return 12
    case 'suspect':
    case 'dead':
      return 35 + message.node.length + message.from.length
    case 'alive':
      return 70 + message.node.length + message.meta.length
    case 'user':
      return 1 + message.body.length
    default:
      return assertNever(message)
  }
}
