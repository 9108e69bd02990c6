import type { Appointment } from './agenda.ts'
import { pingDirectly } from './direct-ping.ts'
import { spread } from './dissemination.ts'
import { Ledger } from './evidence.ts'
import { oddsOf, probeTimeoutMs } from './probe-timeout.ts'
import { count } from './state.ts'
import type { OpenVerdict, SwimState } from './state.ts'
import type { Suspicion } from './suspicion.ts'
import { bury } from './transitions.ts'

/** Sets the time at which the suspect is dead unless it refutes; again whenever that time changed. */
export function awaitVerdict(swim: SwimState, member: number): void {
  const suspicion = swim.table.trouble(member)?.suspicion ?? null
  if (suspicion === null) return
  const open = swim.verdicts.get(member)
  if (open !== undefined) return open.reschedule()
  const verdict = new Verdict(swim, member, suspicion)
  swim.verdicts.set(member, verdict)
  verdict.reschedule()
}

/**
 * The end of a suspicion: who had its time to refute is asked once more, and is dead only if it is silent to that as well.
 *
 *      suspected ──its time──► asked ──silence of some weight──► dead
 *          ▲                     │
 *          └────── it lives ─────┘        it refutes, at any time ──► alive
 *
 * A refutation is a rumour, and a rumour misses some. Who missed it would bury a member that everybody else knows to live. The
 * question carries the accusation, so that the answer carries the refutation. Who answers without one (memberlist's do, that
 * refuted before) gets its time anew.
 *
 * Time alone does not decide here either: where pings are lost it takes several until silence tells something.
 */
class Verdict implements OpenVerdict {
  readonly #swim: SwimState
  readonly #member: number
  readonly #suspicion: Suspicion
  /** What was asked; null before its time. */
  #asked: Ledger | null = null
  #next: Appointment | null = null

  constructor(swim: SwimState, member: number, suspicion: Suspicion) {
    this.#swim = swim
    this.#member = member
    this.#suspicion = suspicion
  }

  reschedule(): void {
    // What is said of it now makes no difference any more.
    if (this.#asked === null) this.#at(this.#suspicion.deadlineMs(), () => this.#fall())
  }

  answered(): void {
    if (this.#asked === null) return
    this.#asked = null
    this.#suspicion.renew(this.#swim.nowMs)
    this.reschedule()
  }

  disturb(pauseMs: number): void {
    this.#asked?.shift(pauseMs)
  }

  drop(): void {
    this.#swim.agenda.cancel(this.#next)
  }

  #at(atMs: number, run: () => void): void {
    const { agenda } = this.#swim
    agenda.cancel(this.#next)
    this.#next = agenda.judgeAt(atMs, run)
  }

  #fall(): void {
    const { accrual } = this.#swim.config
    if (!accrual.enabled) return this.#pronounceDead()
    const asked = new Ledger(accrual.coherenceMs)
    this.#asked = asked
    this.#ask(asked)
  }

  #ask(asked: Ledger): void {
    const swim = this.#swim
    const { nowMs, config } = swim
    asked.pinged(nowMs)
    pingDirectly(swim, this.#member, () => {})
    // Asked again any sooner it would be the same packet to a burst of loss.
    const waitMs = Math.max(probeTimeoutMs(swim, this.#member), config.accrual.coherenceMs)
    this.#at(nowMs + waitMs, () => this.#judge(asked))
  }

  #judge(asked: Ledger): void {
    const swim = this.#swim
    const level = asked.directLevel(swim.nowMs, oddsOf(swim, this.#member))
    const isTelling = level >= swim.config.accrual.threshold * tellingPart
    if (isTelling || asked.directPings >= questionsMax) return this.#pronounceDead()
    this.#ask(asked)
  }

  #pronounceDead(): void {
    const swim = this.#swim
    const member = this.#member
    const trouble = swim.table.trouble(member)
    if (trouble?.state !== 'suspect') return
    const { incarnation, isPrivate } = trouble
    if (!isPrivate) {
      if (!this.#suspicion.isConfirmed) count(swim, 'memberlist.degraded.timeout')
      count(swim, 'memberlist.msg.dead')
      const node = swim.table.directory.nameOf(member)
      spread(swim, member, { kind: 'dead', incarnation, node, from: swim.name })
    }
    bury(swim, member, 'dead', incarnation, isPrivate)
  }
}

/** How much of what it takes to accuse somebody its last silence must weigh: at a loss of 1 % that is one question, at 25 % three. */
const tellingPart = 1 / 6
/** Where nearly everything is lost, it may not go on for ever. */
const questionsMax = 8
