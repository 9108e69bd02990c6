import { pushPull } from './anti-entropy.ts'
import { liveCount } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * Looking for the dead. Nobody probes them or tells them anything, so a partition that lasts until both sides have given each
 * other up would last for ever (memberlist's issue 222). So now and then somebody tries one of them, by push/pull: if it answers,
 * both sides learn whom they hold for dead, accuse those directly, and hear them refute.
 *
 * All together try as often as there are dead, whatever the number of members (as Serf does).
 */
export function startHealing(swim: SwimState): void {
  const { agenda, nowMs, chance, config } = swim
  if (config.healIntervalMs === 0) return
  agenda.at(nowMs + chance.fraction() * config.healIntervalMs, () => tick(swim))
}

function tick(swim: SwimState): void {
  const { agenda, nowMs, chance, config, table } = swim
  agenda.at(nowMs + config.healIntervalMs, () => tick(swim))
  if (swim.hasLeft || swim.pushPulls >= config.pushPullsMax) return
  let dead = 0
  let chosen: number | null = null
  for (const [member, { state }] of table.troubles()) {
    if (state !== 'dead') continue
    dead += 1
    if (chance.fraction() * dead < 1) chosen = member
  }
  if (chosen === null || chance.fraction() >= dead / liveCount(swim)) return
  pushPull(swim, table.statement(chosen).address, chosen, true)
}
