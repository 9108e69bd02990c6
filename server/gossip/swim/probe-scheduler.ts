import { ProbeEpisode } from './probe-episode.ts'
import { ProbePeriod } from './probe-period.ts'
import { count, gauge } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * One member is probed each period, the next in the round-robin. With evidence to gather an episode may outlast its period, and
 * several are open; memberlist's way has one at a time, and a period that finds it open is skipped.
 */
export function startProbing(swim: SwimState): void {
  const { agenda, nowMs, chance, config } = swim
  // Agents that are started together should not probe together.
  agenda.at(nowMs + chance.fraction() * config.probeIntervalMs, () => tick(swim))
}

/** Probes a member now, where it is not being probed. */
export function probeNow(swim: SwimState, member: number): void {
  if (swim.probes.has(member) || !swim.table.isLive(member)) return
  if (swim.config.accrual.enabled) new ProbeEpisode(swim, member).begin()
  else new ProbePeriod(swim, member).begin()
}

function tick(swim: SwimState): void {
  const { agenda, nowMs, config, health, probes } = swim
  const { accrual, lifeguard, probeIntervalMs } = config
  const isPatient = accrual.enabled && lifeguard.localHealth
  const periodMs = isPatient ? health.scale(probeIntervalMs) : probeIntervalMs
  agenda.at(nowMs + periodMs, () => tick(swim))
  gauge(swim, 'memberlist.health.score', health.score)
  if (swim.hasLeft) return
  if (health.score > 0) count(swim, 'memberlist.degraded.probe')
  if (probes.size >= (accrual.enabled ? episodesMax : 1)) return
  const member = nextTarget(swim)
  if (member !== null) probeNow(swim, member)
}

function nextTarget({ table, probes }: SwimState): number | null {
  for (let tries = 0; tries < table.live.size; tries += 1) {
    const member = table.live.next()
    if (member !== null && !probes.has(member)) return member
  }
  return null
}

/** As many as periods fit in the longest episode. */
const episodesMax = 10
