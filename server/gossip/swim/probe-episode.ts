import type { Appointment } from './agenda.ts'
import { pingDirectly } from './direct-ping.ts'
import type { DirectPing } from './direct-ping.ts'
import { Ledger } from './evidence.ts'
import { deafLevel } from './hearing.ts'
import { publishSuspicion, suspectPrivately, weighSuspicion } from './membership.ts'
import { drawRelays, pingByStream, pingThrough } from './probe-paths.ts'
import { oddsOf, probeTimeoutMs } from './probe-timeout.ts'
import { count, notify, sample } from './state.ts'
import type { OpenProbe, SwimState } from './state.ts'
import { takeBack } from './transitions.ts'

/**
 * One member being probed until it is known to live, or enough is known to accuse it in public.
 *
 *      ping ──τ──► round 1 ────► round 2 ────► … ────► given up
 *                  each a ping, k relays, a stream; τ after each: φ ≥ Φ, silent long enough, we not deaf? ──► accused
 *      any answer, at any time ──► it lives
 *
 * Time alone never accuses: only φ does, which holds silence on a path against the member as far as that path can be expected
 * to speak. Rounds go on while φ is high and the silence still short, so that a burst of loss is outlived. A member that
 * answered by stream alone is probed on by datagrams, until one is answered or it is plain that none will be.
 */
export class ProbeEpisode implements OpenProbe {
  readonly #swim: SwimState
  readonly #member: number
  readonly #usedRelays = new Set<number>()
  #ledger: Ledger
  #pings: DirectPing[] = []
  /** Packets heard before; at as many we have heard nothing since. */
  readonly #packetsBefore: number
  readonly #beganMs: number
  #silentSinceMs: number
  #rounds = 0
  /** When the pings of the last round should have been answered. */
  #maturesMs = 0
  #nacks = 0
  #openStreams = 0
  #livesByStream = false
  #hasEnded = false
  #nextRound: Appointment | null = null
  #verdict: Appointment | null = null

  constructor(swim: SwimState, member: number) {
    this.#swim = swim
    this.#member = member
    this.#ledger = new Ledger(swim.config.accrual.coherenceMs)
    this.#packetsBefore = swim.hearing.packets
    this.#beganMs = swim.nowMs
    this.#silentSinceMs = swim.nowMs
  }

  begin(): void {
    const { agenda, nowMs, probes } = this.#swim
    probes.set(this.#member, this)
    this.#ping()
    const timeoutMs = probeTimeoutMs(this.#swim, this.#member)
    this.#nextRound = agenda.judgeAt(nowMs + timeoutMs, () => this.#beginRound())
  }

  level(nowMs: number): number {
    // A broken way from here to there is no death: where others can be asked, they must have seen something too.
    const isAlone = this.#usedRelays.size === 0
    return this.#level(nowMs, isAlone ? Infinity : this.#threshold * ownPathsPart)
  }

  proven(): void {
    this.#lives()
  }

  disturb(pauseMs: number): void {
    for (const ping of this.#pings) ping.isDisturbed = true
    if (pauseMs < this.#swim.config.accrual.silenceMinMs / 2) {
      this.#ledger.shift(pauseMs)
      this.#silentSinceMs += pauseMs
      return
    }
    // What was asked before so long a pause of ours may have been answered into a full buffer. It is asked again.
    this.abandon()
    new ProbeEpisode(this.#swim, this.#member).begin()
  }

  abandon(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const { agenda, probes } = this.#swim
    agenda.cancel(this.#nextRound)
    agenda.cancel(this.#verdict)
    probes.delete(this.#member)
    sample(this.#swim, 'memberlist.probeNode', this.#swim.nowMs - this.#beganMs)
  }

  get #threshold(): number {
    return this.#swim.config.accrual.threshold
  }

  #level(nowMs: number, ownPathsMax: number): number {
    if (this.#livesByStream) return 0
    return this.#ledger.level(nowMs, oddsOf(this.#swim, this.#member), ownPathsMax)
  }

  #beginRound(): void {
    const swim = this.#swim
    const { agenda, nowMs, config } = swim
    const { accrual, indirectChecks } = config
    if (nowMs - this.#silentSinceMs > accrual.episodeMaxMs) return this.#giveUp()
    this.#rounds += 1
    this.#ping()
    for (const relay of drawRelays(swim, this.#member, indirectChecks, this.#usedRelays)) {
      this.#usedRelays.add(relay)
      const onAck = (): void => {
        if (!this.#hasEnded) this.#answered()
      }
      pingThrough(swim, relay, this.#member, onAck, () => this.#nacked())
    }
    if (!this.#livesByStream && this.#openStreams < openStreamsMax) this.#callByStream()
    this.#maturesMs = nowMs + probeTimeoutMs(swim, this.#member)
    this.#judgeAt(this.#maturesMs)
    const pauseMs = accrual.roundMs * accrual.roundGrowth ** (this.#rounds - 1)
    this.#nextRound = agenda.judgeAt(nowMs + pauseMs, () => this.#beginRound())
  }

  #ping(): void {
    const isFirst = this.#ledger.directPings === 0
    this.#ledger.pinged(this.#swim.nowMs)
    const ping = pingDirectly(this.#swim, this.#member, () => {
      if (this.#hasEnded) return
      if (isFirst && !this.#livesByStream) this.#swim.loss.record(false)
      this.#answered(isFirst)
    })
    this.#pings.push(ping)
  }

  #callByStream(): void {
    const swim = this.#swim
    const isCalled = pingByStream(swim, this.#member, swim.config.probeTimeoutMs, (outcome) => {
      this.#openStreams -= 1
      if (this.#hasEnded) return
      if (outcome === 'answered') return this.#answeredByStream()
      if (outcome !== 'refused') return
      this.#ledger.refused(swim.nowMs)
      this.#judgeAt(swim.nowMs)
    })
    if (!isCalled) return
    this.#openStreams += 1
    this.#ledger.called(swim.nowMs)
  }

  #nacked(): void {
    if (this.#hasEnded) return
    this.#nacks += 1
    this.#ledger.nacked()
    this.#judgeAt(this.#swim.nowMs)
  }

  #answered(byFirst = false): void {
    // By another path it lives, so the first ping was lost, unless it is us whom no datagram reaches from there.
    if (!byFirst && this.#rounds > 0 && !this.#livesByStream) this.#swim.loss.record(true)
    this.#lives()
  }

  #answeredByStream(): void {
    const { loss, table } = this.#swim
    if (this.#livesByStream) return
    if (table.isDegraded(this.#member)) return this.#lives()
    loss.record(true)
    this.#livesByStream = true
    takeBack(this.#swim, this.#member)
  }

  #lives(): void {
    if (this.#hasEnded) return
    const { pauses, health, config } = this.#swim
    pauses.answered(this.#member)
    if (config.lifeguard.localHealth) health.apply(-1)
    takeBack(this.#swim, this.#member)
    this.abandon()
  }

  /** Verdicts are spoken when the sockets were read, so that evidence for the member is heard first. */
  #judgeAt(atMs: number): void {
    const { agenda } = this.#swim
    if (this.#verdict !== null && this.#verdict.atMs <= atMs) return
    agenda.cancel(this.#verdict)
    this.#verdict = agenda.judgeAt(atMs, () => {
      this.#verdict = null
      this.#judge()
    })
  }

  #judge(): void {
    const swim = this.#swim
    const { nowMs, config, pauses, health } = swim
    if (this.#livesByStream) return this.#judgeDatagrams()
    const level = this.level(nowMs)
    weighSuspicion(swim, this.#member, level / this.#threshold)
    if (level < this.#threshold) {
      // Silence on the newest pings counts in full only then.
      if (nowMs < this.#maturesMs) this.#judgeAt(this.#maturesMs)
      return
    }
    // Who is unwell doubts itself first, but not for longer than an episode may take.
    const acceptedMs = Math.min(
      config.accrual.silenceMaxMs,
      health.scale(pauses.acceptedMs(this.#member)),
    )
    const publishMs = this.#silentSinceMs + acceptedMs
    if (nowMs < publishMs) return this.#judgeAt(publishMs)
    if (this.#isDeaf()) return
    this.#doubtOurselves()
    this.abandon()
    publishSuspicion(swim, this.#member)
  }

  #judgeDatagrams(): void {
    const swim = this.#swim
    const level = this.#ledger.directLevel(swim.nowMs, oddsOf(swim, this.#member))
    if (level < mutedLevel || this.#isDeaf()) return
    if (swim.table.degrade(this.#member, true))
      notify(swim, { kind: 'degraded', member: swim.table.view(this.#member) })
    this.#lives()
  }

  /** Nothing heard from anybody since this began, or for longer than is natural here. */
  #isDeaf(): boolean {
    const { hearing, nowMs, table } = this.#swim
    // With nobody else to be heard there is no telling who of the two is deaf; and its own machine's refusal we did hear.
    if (table.live.size <= 1 || this.#ledger.isRefused) return false
    return hearing.packets === this.#packetsBefore || hearing.level(nowMs) >= deafLevel
  }

  #giveUp(): void {
    const swim = this.#swim
    const isDamning = this.#level(swim.nowMs, Infinity) >= this.#threshold
    const isDeaf = this.#isDeaf()
    this.abandon()
    count(swim, 'memberlist.probe.inconclusive')
    if (!isDeaf) return
    this.#doubtOurselves()
    if (isDamning) suspectPrivately(swim, this.#member)
  }

  /** Where most of the relays are silent themselves, it may be us who do not hear them (Lifeguard §IV-A). */
  #doubtOurselves(): void {
    const { config, health } = this.#swim
    const isUnheard = this.#nacks * 2 < this.#usedRelays.size
    if (config.lifeguard.localHealth && isUnheard) health.apply(1)
  }
}

/** Streams to one member at once: the kernel tries again by itself, but only after a second. */
const openStreamsMax = 3
/** How much of what it takes to accuse somebody may come from our own pings and streams. */
const ownPathsPart = 2 / 3
/** φ of datagrams alone at which a member that answers by stream counts as cut off from them. */
const mutedLevel = 3
