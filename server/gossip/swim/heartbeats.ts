import { pingDirectly } from './direct-ping.ts'
import { PhiDetector } from './phi-detector.ts'
import { probeNow } from './probe-scheduler.ts'
import type { SwimState } from './state.ts'

/**
 * Dense heartbeats with those whose silence should be noticed soonest: the servers among themselves, and everybody in a pool as
 * small as the WAN's. There the φ of arrival times means something; between a pair of a large pool, which meets once in N periods,
 * it would not. What comes of a high φ is a probe at once: the evidence that accuses is gathered there, on several paths.
 */
export function startHeartbeats(swim: SwimState): void {
  const { agenda, nowMs, chance, config } = swim
  agenda.at(nowMs + chance.fraction() * config.heartbeatIntervalMs, () => tick(swim))
}

/** φ of the heartbeats alone; 0 of who is not watched. */
export function heartbeatLevel(swim: SwimState, member: number, nowMs: number): number {
  return swim.heartbeats.get(member)?.level(nowMs, swim.loss.rate) ?? 0
}

function tick(swim: SwimState): void {
  const { agenda, nowMs, config, heartbeats } = swim
  const everyMs = config.heartbeatIntervalMs
  agenda.at(nowMs + everyMs, () => tick(swim))
  const watched = swim.hasLeft ? new Set<number>() : watchedMembers(swim)
  for (const member of heartbeats.keys()) if (!watched.has(member)) heartbeats.delete(member)
  let beats = 0
  for (const member of watched) {
    if (!heartbeats.has(member)) heartbeats.set(member, new PhiDetector(phiOptions(everyMs)))
    // Spread over the interval: a burst of pings is a burst of answers.
    agenda.at(nowMs + (beats / watched.size) * everyMs, () => beat(swim, member))
    beats += 1
  }
}

function beat(swim: SwimState, member: number): void {
  const { agenda, nowMs, config, heartbeats } = swim
  const detector = heartbeats.get(member)
  if (detector === undefined) return
  pingDirectly(swim, member, () => {
    detector.heard(swim.nowMs)
    swim.probes.get(member)?.proven()
  })
  agenda.judgeAt(nowMs + config.heartbeatIntervalMs / 2, () => {
    if (heartbeats.get(member) !== detector) return
    if (heartbeatLevel(swim, member, swim.nowMs) >= config.heartbeatThreshold)
      probeNow(swim, member)
  })
}

function watchedMembers({ table, watched, config }: SwimState): Set<number> {
  const members = new Set<number>()
  if (table.live.size < config.heartbeatMembersMax)
    for (const member of table.live.all()) members.add(member)
  for (const name of watched) {
    const member = table.find(name)
    if (member !== null && table.live.has(member)) members.add(member)
  }
  return members
}

const phiOptions = (everyMs: number): ConstructorParameters<typeof PhiDetector>[0] => ({
  windowSamples: 200,
  expectedGapMs: everyMs,
  deviationMinMs: everyMs / 10,
  acceptablePauseMs: 0,
  gapMaxMs: everyMs * 4,
})
