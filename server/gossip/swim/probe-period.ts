import type { Appointment } from './agenda.ts'
import { pingDirectly } from './direct-ping.ts'
import { publishSuspicion } from './membership.ts'
import { drawRelays, pingByStream, pingThrough, sendsNacks } from './probe-paths.ts'
import { sample } from './state.ts'
import type { OpenProbe, SwimState } from './state.ts'
import { takeBack } from './transitions.ts'

/**
 * One member being probed memberlist's way (SWIM §3.1): a ping, after the timeout k relays and a stream, and at the end of the
 * period a suspicion if nothing was answered. Kept to be compared with; see `ProbeEpisode` for ours.
 */
export class ProbePeriod implements OpenProbe {
  readonly #swim: SwimState
  readonly #member: number
  readonly #beganMs: number
  #expectedNacks = 0
  #nacks = 0
  #livesByStream = false
  #hasEnded = false
  #timeout: Appointment | null = null
  #end: Appointment | null = null

  constructor(swim: SwimState, member: number) {
    this.#swim = swim
    this.#member = member
    this.#beganMs = swim.nowMs
  }

  begin(): void {
    const { agenda, nowMs, config, health, probes } = this.#swim
    probes.set(this.#member, this)
    pingDirectly(this.#swim, this.#member, () => this.#lives())
    this.#timeout = agenda.judgeAt(nowMs + config.probeTimeoutMs, () => this.#askOthers())
    const periodMs = health.scale(config.probeIntervalMs)
    this.#end = agenda.judgeAt(nowMs + periodMs, () => this.#judge())
  }

  level(): number {
    return 0
  }

  proven(): void {}

  disturb(): void {}

  abandon(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#swim.agenda.cancel(this.#timeout)
    this.#swim.agenda.cancel(this.#end)
    this.#swim.probes.delete(this.#member)
    sample(this.#swim, 'memberlist.probeNode', this.#swim.nowMs - this.#beganMs)
  }

  #askOthers(): void {
    const swim = this.#swim
    for (const relay of drawRelays(swim, this.#member, swim.config.indirectChecks, new Set())) {
      if (sendsNacks(swim, relay)) this.#expectedNacks += 1
      const onNack = (): void => {
        this.#nacks += 1
      }
      pingThrough(swim, relay, this.#member, () => this.#lives(), onNack)
    }
    const leftMs = (this.#end?.atMs ?? swim.nowMs) - swim.nowMs
    if (leftMs > 0)
      pingByStream(swim, this.#member, leftMs, (outcome) => {
        if (outcome === 'answered') this.#livesByStream = true
      })
  }

  #lives(): void {
    if (this.#hasEnded) return
    this.#doubtOurselves(-1)
    takeBack(this.#swim, this.#member)
    this.abandon()
  }

  #judge(): void {
    if (this.#livesByStream) return this.#lives()
    this.abandon()
    // Who hears not even the relays it asked is probably at fault itself (Lifeguard §IV-A).
    this.#doubtOurselves(this.#expectedNacks > 0 ? this.#expectedNacks - this.#nacks : 1)
    publishSuspicion(this.#swim, this.#member)
  }

  #doubtOurselves(delta: number): void {
    if (this.#swim.config.lifeguard.localHealth) this.#swim.health.apply(delta)
  }
}
