import { compilePattern } from '../../server/filter/pattern.ts'
import { consulLan } from '../../server/gossip/serf/config.ts'
import type { SerfEffect } from '../../server/gossip/serf/events.ts'
import { SerfCore } from '../../server/gossip/serf/serf.ts'
import { lanConfig } from '../../server/gossip/swim/config.ts'
import { SwimCore } from '../../server/gossip/swim/core.ts'
import type { SwimEffect } from '../../server/gossip/swim/events.ts'
import { encodeMessage } from '../../server/gossip/wire/codec.ts'
import type { Alive, GossipMessage, StreamMessage } from '../../server/gossip/wire/messages.ts'
import { joinParts } from '../../server/gossip/wire/packet.ts'
import { encodeStreamMessage } from '../../server/gossip/wire/stream-codec.ts'
import { encodeTags } from '../../server/gossip/wire/tags.ts'
import { assert, assertNever } from '../../server/model/assert.ts'
import type { Chance } from '../../server/runtime/chance.ts'

/**
 * One whole member, membership core and Serf's on it, of whom everything that decodes is believed: what makes sense as bytes need
 * make none as a message. Nobody answers it. Whatever it is told, it must stay, and speak within its limits.
 */
export class MemberUnderFire {
  readonly #swim: SwimCore
  readonly #serf: SerfCore
  #nowMs = 0

  constructor(chance: Chance) {
    const needs = { self, chance, nowMs: 0 }
    this.#serf = new SerfCore({ ...needs, config: consulLan, compilePattern })
    this.#swim = new SwimCore({
      ...needs,
      config: lanConfig,
      encode: encodeMessage,
      expectedRttMs: (node) => this.#serf.expectedRttMs(node),
    })
    this.#carryOut()
  }

  /** How many it has come to know. */
  get members(): number {
    return this.#serf.status().members
  }

  hear(messages: readonly GossipMessage[]): void {
    this.#swim.step(this.#nowMs, { kind: 'packet', from: stranger, messages })
    this.#turn()
  }

  answer(message: StreamMessage): void {
    this.#swim.step(this.#nowMs, { kind: 'called', caller: 1, from: stranger, message })
    this.#turn()
  }

  #turn(): void {
    this.#nowMs += 20
    this.#swim.step(this.#nowMs, { kind: 'drained' })
    this.#serf.step(this.#nowMs, { kind: 'tick' })
    this.#carryOut()
    assert(this.#swim.member(self.node)?.state === 'alive', 'it gave itself up')
  }

  #carryOut(): void {
    for (;;) {
      const wanted = this.#swim.take()
      for (const effect of wanted) this.#doSwim(effect)
      const asked = this.#serf.take()
      for (const effect of asked) this.#doSerf(effect)
      if (wanted.length === 0 && asked.length === 0) return
    }
  }

  #doSwim(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send':
        return assert(
          joinParts(effect.parts).length <= lanConfig.packetBytesMax,
          'a packet is too long',
        )
      case 'call':
        encodeStreamMessage(this.#complete(effect.message))
        return this.#swim.step(this.#nowMs, {
          kind: 'callFailed',
          call: effect.call,
          reason: 'refused',
        })
      case 'answer':
        return void encodeStreamMessage(this.#complete(effect.message))
      case 'event':
        return this.#serf.step(this.#nowMs, { kind: 'swim', event: effect.event })
      case 'hangUp':
      case 'metric':
        return
      default:
        return assertNever(effect)
    }
  }

  #doSerf(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'swim':
        return this.#swim.step(this.#nowMs, effect.command)
      case 'key':
        return this.#serf.step(this.#nowMs, {
          kind: 'keyDone',
          task: effect.task,
          outcome: { kind: 'unencrypted' },
        })
      case 'event':
      case 'metric':
        return
      default:
        return assertNever(effect)
    }
  }

  #complete(message: StreamMessage): StreamMessage {
    return message.kind === 'pushPull' ? { ...message, user: this.#serf.encodeState() } : message
  }
}

const stranger = { host: '10.9.9.9', port: 7946 }

/** It has the name and address of one in the pools whose talk is varied, so that some of that is about itself. */
const self: Alive = {
  kind: 'alive',
  incarnation: 1,
  node: 'a',
  address: { host: '127.0.0.1', port: 7946 },
  meta: encodeTags({ role: 'node', dc: 'dc1' }),
  versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] },
}
