import type { SwimConfig } from '../../server/gossip/swim/config.ts'
import { Directory } from '../../server/gossip/swim/directory.ts'
import type { Swim, SwimEffect, SwimInput, SwimNeeds } from '../../server/gossip/swim/events.ts'
import type { Address, Alive, StreamMessage } from '../../server/gossip/wire/messages.ts'
import { must } from '../../server/model/assert.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { hashSeed, hashText, mix } from '../simulation/draw.ts'
import { connectionBytes, rememberingCodec, streamBytes } from './codec.ts'
import type { Codec } from './codec.ts'
import { SimulatedMember } from './member.ts'
import { lost, Network } from './network.ts'
import type { Weather } from './network.ts'
import { Oracle } from './oracle.ts'
import { StreamTimes } from './streams.ts'
import { Timeline, wakeLoad } from './timeline.ts'
import { Traffic } from './traffic.ts'

export interface PoolOptions {
  readonly seed: number
  /** Members that are there, and know each other, from the beginning. */
  readonly members: number
  readonly config: SwimConfig
  readonly weather: Weather
  readonly createSwim: (needs: SwimNeeds) => Swim
  readonly codec?: Codec
}

/** Members on virtual time: what each wants done is done to the others, as the network lets it. */
export class Pool {
  readonly timeline = new Timeline()
  readonly network: Network
  readonly oracle: Oracle
  readonly traffic = new Traffic()
  readonly members: SimulatedMember[] = []
  /** Of everything that arrived and was decided, in order: two runs of a seed must give the same. */
  digest = hashSeed
  readonly #options: PoolOptions
  readonly #codec: Codec
  readonly #directory = new Directory()
  readonly #byHost = new Map<string, SimulatedMember>()
  readonly #streams: StreamTimes
  readonly #packets: (Packet | null)[] = []
  readonly #freePackets: number[] = []

  constructor(options: PoolOptions) {
    this.#options = options
    this.#codec = options.codec ?? rememberingCodec
    this.network = new Network(options.seed, options.weather)
    this.#streams = new StreamTimes(this.network)
    this.oracle = new Oracle(this.timeline)
    const statements = Array.from({ length: options.members }, (_, at) => statementOf(at))
    for (const statement of statements)
      this.#add(
        statement,
        statements.filter((other) => other !== statement),
      )
  }

  get nowMs(): number {
    return this.timeline.nowUs / 1000
  }

  at(index: number): SimulatedMember {
    return must(this.members[index], 'a member of that number')
  }

  /** Somebody new joins by way of these. */
  join(through: readonly number[]): SimulatedMember {
    const member = this.#add(statementOf(this.members.length), [])
    const addresses = through.map((index) => this.at(index).address)
    this.tell(member.index, { kind: 'join', ticket: 0, addresses })
    return member
  }

  tell(index: number, input: SwimInput): void {
    this.#receive(this.at(index), input)
  }

  /** At that time, in milliseconds from the beginning. */
  do(atMs: number, work: () => void): void {
    this.timeline.do(Math.round(atMs * 1000), work)
  }

  /** It is gone without a word, and its machine too. */
  crash(index: number): void {
    this.at(index).condition = 'gone'
    this.oracle.died(index)
  }

  /** It tells everybody that it goes, and stays to answer. */
  leave(index: number): void {
    this.oracle.departed(index)
    this.tell(index, { kind: 'leave', ticket: 0 })
  }

  /** Nothing comes in or goes out until `release`, and the timers run. */
  block(index: number): void {
    if (this.at(index).condition === 'up') this.at(index).condition = 'blocked'
  }

  /** Nothing runs until `release`. */
  pause(index: number): void {
    if (this.at(index).condition === 'up') this.at(index).condition = 'paused'
  }

  release(index: number): void {
    const member = this.at(index)
    if (member.condition !== 'blocked' && member.condition !== 'paused') return
    member.condition = 'up'
    for (const effect of member.outbox.splice(0)) this.#carryOut(member, effect)
    this.#readInbox(member)
    if (member.overflowed > 0)
      member.swim.step(this.nowMs, { kind: 'dropped', packets: member.overflowed })
    this.traffic.overflowed += member.overflowed
    member.overflowed = 0
    this.#settle(member)
  }

  runUntil(ms: number): void {
    const untilUs = Math.round(ms * 1000)
    const { timeline } = this
    while (timeline.next(untilUs)) {
      const member = this.members[timeline.member] as SimulatedMember
      if (timeline.load === wakeLoad) this.#wake(member)
      else this.#deliver(member, timeline.load)
    }
  }

  #add(self: Alive, known: readonly Alive[]): SimulatedMember {
    const { seed, config, createSwim } = this.#options
    const index = this.members.length
    const swim = createSwim({
      self,
      known,
      config,
      chance: seededChance(hashText(`${seed}/member ${index}`)),
      nowMs: this.nowMs,
      encode: this.#codec.encode,
      directory: this.#directory,
    })
    const member = new SimulatedMember(index, swim, self.node, self.address)
    this.members.push(member)
    this.#byHost.set(self.address.host, member)
    this.oracle.appeared(self.node, index)
    swim.step(this.nowMs, { kind: 'setAckPayload', payload: coordinate })
    this.#settle(member)
    return member
  }

  #deliver(member: SimulatedMember, place: number): void {
    const packet = this.#packets[place] as Packet
    this.#packets[place] = null
    this.#freePackets.push(place)
    if (member.condition === 'gone') return
    this.traffic.received += 1
    this.digest = mix(mix(this.digest, member.index), this.timeline.nowUs | 0)
    this.#receive(member, packet)
  }

  #receive(member: SimulatedMember, input: SwimInput): void {
    if (member.condition === 'gone') return
    if (member.condition !== 'up' || member.serviceUs > 0) {
      if (member.hold(input) && member.condition === 'up') this.#serveLater(member)
      return
    }
    member.swim.step(this.nowMs, input)
    this.#settle(member)
  }

  /** A slow one takes one after the other. */
  #serveLater(member: SimulatedMember): void {
    if (member.inbox.length !== 1) return
    const startUs = Math.max(member.busyUntilUs, this.timeline.nowUs)
    member.busyUntilUs = startUs + member.serviceUs
    this.timeline.do(member.busyUntilUs, () => this.#serve(member))
  }

  #serve(member: SimulatedMember): void {
    if (member.condition !== 'up') return
    const input = member.inbox.shift()
    if (input === undefined) return
    member.swim.step(this.nowMs, input)
    if (member.inbox.length === 0) return this.#settle(member)
    member.busyUntilUs = this.timeline.nowUs + member.serviceUs
    this.timeline.do(member.busyUntilUs, () => this.#serve(member))
    member.overflowed = 0
    this.#perform(member)
  }

  #readInbox(member: SimulatedMember): void {
    for (let at = 0; at < member.inbox.length; at += 1) {
      member.swim.step(this.nowMs, member.inbox[at] as SwimInput)
      // What a socket gives in one turn of the loop; then the core may decide.
      if (at % packetsPerTurn === packetsPerTurn - 1)
        member.swim.step(this.nowMs, { kind: 'drained' })
    }
    member.inbox.length = 0
  }

  #wake(member: SimulatedMember): void {
    const { nowUs } = this.timeline
    if (member.wakeUs !== nowUs) return
    member.wakeUs = Infinity
    if (member.condition === 'gone' || member.condition === 'paused') return
    // Put off while it is busy, and where something else has been done at the time that was waited for.
    if (member.busyUntilUs > nowUs) return this.#wakeAt(member, member.busyUntilUs)
    if (member.swim.dueMs() > this.nowMs) return this.#wakeWhenDue(member)
    this.#settle(member)
  }

  /** What had arrived was read: let it judge, and do what it wants. */
  #settle(member: SimulatedMember): void {
    member.swim.step(this.nowMs, { kind: 'drained' })
    this.#perform(member)
    this.#wakeWhenDue(member)
  }

  #perform(member: SimulatedMember): void {
    for (const effect of member.swim.take()) {
      const isHeld = member.condition === 'blocked' && effect.kind !== 'event'
      if (isHeld) member.outbox.push(effect)
      else this.#carryOut(member, effect)
    }
  }

  #wakeWhenDue(member: SimulatedMember): void {
    const dueMs = member.swim.dueMs()
    // At least a microsecond on, so that rounding never makes time stand still.
    if (dueMs < Infinity)
      this.#wakeAt(member, Math.max(Math.ceil(dueMs * 1000), this.timeline.nowUs + 1))
  }

  #wakeAt(member: SimulatedMember, atUs: number): void {
    if (atUs >= member.wakeUs) return
    member.wakeUs = atUs
    this.timeline.push(atUs, member.index, wakeLoad)
  }

  #carryOut(member: SimulatedMember, effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#send(member, effect.to, effect.parts, effect.crc)
      case 'call':
        return this.#call(member, effect)
      case 'answer':
      case 'hangUp':
        return this.#answer(member, effect.caller, 'message' in effect ? effect.message : null)
      case 'event':
        this.digest = mix(this.digest, member.index ^ effect.event.kind.length)
        return this.oracle.saw(member.index, effect.event)
      case 'metric':
    }
  }

  #send(from: SimulatedMember, to: Address, parts: readonly Uint8Array[], crc: boolean): void {
    const messages = this.#codec.open(parts, crc)
    const bytes = this.traffic.sent(parts, messages, crc)
    const target = this.#byHost.get(to.host)
    if (target === undefined) return
    const travelUs = this.network.travelUs(from.index, target.index, this.timeline.nowUs, bytes)
    if (travelUs === lost) return
    const place = this.#freePackets.pop() ?? this.#packets.length
    this.#packets[place] = { kind: 'packet', from: from.address, messages }
    this.timeline.push(this.timeline.nowUs + travelUs, target.index, place)
  }

  /** One request over TCP. The kernel of a blocked or paused member accepts it; its process answers when it can. */
  #call(from: SimulatedMember, effect: SwimEffect & { readonly kind: 'call' }): void {
    const { call, message, timeoutMs } = effect
    const { timeline, traffic } = this
    const name = message.kind === 'pushPull' ? 'pushPull' : 'stream'
    const target = this.#byHost.get(effect.to.host)
    const deadlineUs = timeline.nowUs + timeoutMs * 1000
    let isOver = false
    const finish = (input: SwimInput): void => {
      if (isOver) return
      isOver = true
      this.#receive(from, input)
    }
    traffic.streams += 1
    traffic.bytes[name] += connectionBytes
    timeline.do(deadlineUs, () => finish({ kind: 'callFailed', call, reason: 'timeout' }))
    if (target === undefined || target.condition === 'gone') return
    const connectUs = this.#streams.connectUs(from.index, target.index, timeline.nowUs)
    const bytes = streamBytes(message)
    const thereUs = this.#transfer(from, target, connectUs, bytes)
    if (thereUs === lost || timeline.nowUs + thereUs > deadlineUs) return
    traffic.bytes[name] += bytes
    timeline.do(timeline.nowUs + thereUs, () => {
      if (target.condition === 'gone') return
      target.lastCaller += 1
      const caller = target.lastCaller
      if (message.kind === 'user') isOver = true
      else target.callers.set(caller, { from, call, isOver: () => isOver, answer: finish })
      this.#receive(target, { kind: 'called', caller, from: from.address, message })
    })
  }

  #answer(from: SimulatedMember, caller: number, message: StreamMessage | null): void {
    const stream = from.callers.get(caller)
    from.callers.delete(caller)
    if (stream === undefined || message === null || stream.isOver()) return
    const { timeline, traffic } = this
    const bytes = streamBytes(message)
    traffic.bytes[message.kind === 'pushPull' ? 'pushPull' : 'stream'] += bytes
    const thereUs = this.#transfer(from, stream.from, 0, bytes)
    if (thereUs === lost) return
    timeline.do(timeline.nowUs + thereUs, () =>
      stream.answer({ kind: 'callAnswered', call: stream.call, message }),
    )
  }

  #transfer(from: SimulatedMember, to: SimulatedMember, waitUs: number, bytes: number): number {
    if (waitUs === lost) return lost
    const startUs = this.timeline.nowUs + waitUs
    const travelUs = this.#streams.transferUs(from.index, to.index, startUs, bytes)
    return travelUs === lost ? lost : waitUs + travelUs
  }
}

export function nameOf(index: number): string {
  return `member-${index}`
}

type Packet = SwimInput & { readonly kind: 'packet' }

function statementOf(index: number): Alive {
  return {
    kind: 'alive',
    incarnation: 1,
    node: nameOf(index),
    address: { host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 8301 },
    meta,
    versions,
  }
}

/** As long as the tags of a Consul agent. */
const meta = new Uint8Array(120).fill(1)
/** As long as a Vivaldi coordinate in an ack. */
const coordinate = new Uint8Array(110).fill(1)
const versions: Alive['versions'] = { protocol: [1, 5, 2], delegate: [2, 5, 4] }
const packetsPerTurn = 32
