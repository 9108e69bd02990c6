import { assertNever } from '../../model/assert.ts'
import type { Chance } from '../../runtime/chance.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { PoolKeys } from '../pool-keys.ts'
import type { SerfConfig } from '../serf/config.ts'
import type { Serf, SerfCommand, SerfEffect, SerfEvent, SerfNeeds } from '../serf/events.ts'
import { SerfCore } from '../serf/serf.ts'
import type { SwimConfig } from '../swim/config.ts'
import { SwimCore } from '../swim/core.ts'
import type { MetricEffect, Swim, SwimEffect, SwimNeeds } from '../swim/events.ts'
import { encodeMessage } from '../wire/codec.ts'
import type { Address, Alive, StreamMessage } from '../wire/messages.ts'
import { joinParts, openPacket, sealPacket } from '../wire/packet.ts'
import { protectionOverheadBytes, unprotected } from '../wire/protection.ts'
import type { Protection } from '../wire/protection.ts'
import { refusals } from '../wire/refusal.ts'
import { DropLog } from './drop-log.ts'
import { watchKernelDrops } from './kernel-drops.ts'
import { watchLoopLag } from './loop-lag.ts'
import { openTcp } from './tcp.ts'
import type { Tcp } from './tcp.ts'
import { Turns } from './turns.ts'
import { openUdp } from './udp.ts'
import type { Udp } from './udp.ts'

export interface GossipOptions
  extends Pick<SwimNeeds, 'admit' | 'allows' | 'identify'>, Pick<SerfNeeds, 'compilePattern'> {
  /** This node; its address is where others reach it. */
  readonly self: Alive
  /** An IP literal. The port is that of the address. */
  readonly bindAddress: string
  readonly swim: SwimConfig
  readonly serf: SerfConfig
  /** Null for a pool that talks in the clear. */
  readonly keys: PoolKeys | null
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /** Must not throw. What it commands is done after what is being done. */
  readonly onEvent: (event: SerfEvent) => void
  readonly dial?: (address: string) => string
}

/** Opens the pool's port, for datagrams and streams. Rejects with the system's error where it can't be had. */
export async function openGossip(options: GossipOptions): Promise<Gossip> {
  const gossip = new Gossip(options)
  await gossip.open()
  return gossip
}

/**
 * One member of a pool as it runs: the membership core and Serf's on top of it, with sockets, time and chance. It decides nothing.
 *
 *      datagrams, streams ──► SwimCore ──events──► SerfCore ──events──► onEvent
 *                       ◄──sends───┘ ◄──commands──────┘ ◄──commands──── command
 */
export class Gossip implements AsyncDisposable {
  readonly #options: GossipOptions
  readonly #swim: Swim
  readonly #serf: Serf
  readonly #turns: Turns
  readonly #drops: DropLog
  readonly #stack = new AsyncDisposableStack()
  #udp: Udp | undefined
  #tcp: Tcp | undefined
  #isCarryingOut = false
  #isClosed = false

  constructor(options: GossipOptions) {
    const { self, clock, chance, log, metrics, admit, allows, identify, compilePattern } = options
    this.#options = options
    this.#drops = new DropLog({ clock, log, metrics })
    const nowMs = clock.monotonicMs()
    const overheadBytes = protectionOverheadBytes(this.#protection)
    this.#serf = new SerfCore({
      self,
      config: options.serf,
      chance,
      nowMs,
      compilePattern,
    })
    this.#swim = new SwimCore({
      self,
      config: { ...options.swim, packetOverheadBytes: overheadBytes },
      chance,
      nowMs,
      encode: encodeMessage,
      expectedRttMs: (node) => this.#serf.expectedRttMs(node),
      ...(admit === undefined ? {} : { admit }),
      ...(allows === undefined ? {} : { allows }),
      ...(identify === undefined ? {} : { identify }),
    })
    this.#turns = this.#stack.use(
      new Turns({
        clock,
        dueMs: () => Math.min(this.#swim.dueMs(), this.#serf.dueMs()),
        judge: () => this.#judge(),
      }),
    )
  }

  async open(): Promise<void> {
    const { self, bindAddress, swim, clock, log, metrics, dial } = this.#options
    const { port } = self.address
    await using stack = new AsyncDisposableStack()
    const udp = stack.use(
      await openUdp({
        bindAddress,
        port,
        log,
        metrics,
        drops: this.#drops,
        onDatagram: (datagram, from) => this.#onDatagram(datagram, from),
      }),
    )
    const tcp = stack.use(
      await openTcp({
        bindAddress,
        port,
        clock,
        drops: this.#drops,
        protection: () => this.#protection,
        timeoutMs: swim.streamTimeoutMs,
        onCalled: (caller, from, message) => this.#take({ kind: 'called', caller, from, message }),
        ...(dial === undefined ? {} : { dial }),
      }),
    )
    stack.use(watchLoopLag({ clock, onLag: (lagMs) => this.#take({ kind: 'lagged', lagMs }) }))
    stack.use(
      watchKernelDrops({
        clock,
        port,
        onDrops: (packets) => {
          this.#drops.note('datagrams for which the kernel had no room', packets)
          this.#take({ kind: 'dropped', packets })
        },
      }),
    )
    this.#udp = udp
    this.#tcp = tcp
    this.#stack.use(stack.move())
    this.#carryOut()
  }

  /** What is asked of Serf. Throws the PraetorError with which it refuses. */
  command(command: SerfCommand): void {
    this.#serf.step(this.#nowMs, command)
    this.#carryOut()
  }

  /** Watches these by heartbeats as well, and no others. */
  watch(nodes: readonly string[]): void {
    this.#take({ kind: 'watch', nodes })
  }

  get serf(): Pick<Serf, 'members' | 'member' | 'coordinate' | 'coordinateOf' | 'status'> {
    return this.#serf
  }

  healthScore(): number {
    return this.#swim.healthScore()
  }

  /** φ: see the membership core. */
  suspicionLevel(name: string): number {
    return this.#swim.suspicionLevel(name, this.#nowMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#stack.disposeAsync()
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs()
  }

  get #protection(): Protection {
    return this.#options.keys?.protection ?? unprotected
  }

  #onDatagram(datagram: Uint8Array, from: Address): void {
    this.#turns.datagramRead()
    const opened = openPacket(datagram, this.#protection)
    if ('refused' in opened) return this.#drops.note(refusals[opened.refused])
    for (const reason of opened.leftOut) this.#drops.note(refusals[reason])
    const { messages } = opened
    if (messages.length === 0) return
    this.#swim.step(this.#nowMs, { kind: 'packet', from, messages })
    // Who asks is waiting: it must not wait for the datagrams behind its own to be read.
    if (messages.some(({ kind }) => kind === 'ping')) this.#carryOut()
  }

  #take(input: Parameters<Swim['step']>[1]): void {
    if (this.#isClosed) return
    this.#swim.step(this.#nowMs, input)
    this.#carryOut()
  }

  #judge(): void {
    const nowMs = this.#nowMs
    this.#swim.step(nowMs, { kind: 'drained' })
    this.#serf.step(nowMs, { kind: 'tick' })
    this.#carryOut()
  }

  /** Until neither core wants anything more. What listeners command meanwhile comes in its turn. */
  #carryOut(): void {
    if (this.#isCarryingOut || this.#isClosed) return
    this.#isCarryingOut = true
    try {
      for (;;) {
        const wanted = this.#swim.take()
        for (const effect of wanted) this.#doSwim(effect)
        const asked = this.#serf.take()
        for (const effect of asked) this.#doSerf(effect)
        if (wanted.length === 0 && asked.length === 0) break
      }
    } finally {
      this.#isCarryingOut = false
    }
    this.#turns.wake()
  }

  #doSwim(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send': {
        const { to, parts, crc, droppable } = effect
        const datagram = sealPacket(joinParts(parts), this.#protection, { checksum: crc })
        return this.#udp?.send(to, datagram, { droppable })
      }
      case 'call':
        return this.#call(effect)
      case 'answer':
        return this.#tcp?.answer(effect.caller, this.#complete(effect.message))
      case 'hangUp':
        return this.#tcp?.hangUp(effect.caller)
      case 'event':
        return this.#serf.step(this.#nowMs, { kind: 'swim', event: effect.event })
      case 'metric':
        return this.#measure(effect)
      default:
        return assertNever(effect)
    }
  }

  #doSerf(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'swim':
        return this.#swim.step(this.#nowMs, effect.command)
      case 'event':
        return this.#options.onEvent(effect.event)
      case 'key':
        return void this.#operate(effect)
      case 'metric':
        return this.#measure(effect)
      default:
        return assertNever(effect)
    }
  }

  #call({ call, to, message, timeoutMs }: Extract<SwimEffect, { kind: 'call' }>): void {
    this.#tcp?.call({
      to,
      message: this.#complete(message),
      timeoutMs,
      onAnswer: (answer) => this.#take({ kind: 'callAnswered', call, message: answer }),
      onFailure: (reason) => this.#take({ kind: 'callFailed', call, reason }),
    })
  }

  /** A push/pull carries what Serf knows too. */
  #complete(message: StreamMessage): StreamMessage {
    return message.kind === 'pushPull' ? { ...message, user: this.#serf.encodeState() } : message
  }

  async #operate({ task, verb, key }: Extract<SerfEffect, { kind: 'key' }>): Promise<void> {
    const { keys } = this.#options
    const outcome =
      keys === null ? ({ kind: 'unencrypted' } as const) : await keys.operate(verb, key)
    if (this.#isClosed) return
    this.#serf.step(this.#nowMs, { kind: 'keyDone', task, outcome })
    this.#carryOut()
  }

  #measure({ type, name, value }: MetricEffect): void {
    this.#options.metrics[type](name, value)
  }
}
