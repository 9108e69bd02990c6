import { count } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * Our own pauses: garbage collection, a stopped process, a starved machine. While we did not look nobody was silent, so every
 * deadline that would hold silence against somebody is put off by as long. (A pause is one-sided otherwise: timers expire during
 * it, and the answers that would have stopped them are still in the buffer.)
 */

/** Time goes on. We stood still if something has been due for a while, and nothing came to us meanwhile. */
export function passTime(swim: SwimState, nowMs: number): void {
  const { agenda, config } = swim
  const gapMs = nowMs - swim.nowMs
  if (gapMs <= 0) return
  swim.nowMs = nowMs
  const lateMs = Math.min(nowMs - agenda.dueMs(), gapMs)
  if (lateMs <= toleratedMs) return
  // A long pause may have begun long before it made anything late.
  notePause(swim, lateMs < config.accrual.silenceMinMs / 2 ? lateMs : gapMs)
}

export function notePause(swim: SwimState, pauseMs: number): void {
  const { agenda, config, table, nowMs } = swim
  if (!config.accrual.enabled || pauseMs <= 0) return
  count(swim, 'memberlist.paused')
  agenda.postpone(pauseMs)
  for (const [, { suspicion }] of table.troubles()) suspicion?.excuse(pauseMs)
  for (const verdict of swim.verdicts.values()) verdict.disturb(pauseMs)
  swim.hearing.shift(pauseMs)
  for (const detector of swim.heartbeats.values()) detector.excuse(nowMs)
  // A disturbed probe may begin again, in the same place.
  const disturbed = Array.from(swim.probes.values())
  for (const probe of disturbed) probe.disturb(pauseMs)
  const isLong = pauseMs >= config.accrual.silenceMinMs
  if (isLong && config.lifeguard.localHealth) swim.health.apply(1)
}

/** Timers are never quite on time. */
const toleratedMs = 10
