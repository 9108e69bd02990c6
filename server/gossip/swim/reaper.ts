import type { SwimState } from './state.ts'
import { forget } from './transitions.ts'

/** No state is for ever: who failed or left is forgotten in the end, or the names of a busy fleet would fill every push/pull. */
export function startReaping(swim: SwimState): void {
  swim.agenda.at(swim.nowMs + reapEveryMs, () => tick(swim))
}

function tick(swim: SwimState): void {
  const { agenda, nowMs, config, table } = swim
  agenda.at(nowMs + reapEveryMs, () => tick(swim))
  const due: number[] = []
  for (const [member, { state, sinceMs }] of table.troubles()) {
    const keptMs = state === 'left' ? config.reapLeftMs : config.reapFailedMs
    if (state !== 'suspect' && member !== swim.self && nowMs - sinceMs > keptMs) due.push(member)
  }
  for (const member of due) forget(swim, member)
}

const reapEveryMs = 15_000
