import type { Odds } from './evidence.ts'
import { expectedMinMs } from './rtt-histogram.ts'
import type { SwimState } from './state.ts'

/**
 * How long an answer may take: τ_ij, from the round trips to everybody and what is expected of this member, instead of half a
 * second for all. Too short costs a second ping, and no more: being late is no evidence by itself.
 */

export function probeTimeoutMs(swim: SwimState, member: number): number {
  const { config, rtts, lagMs } = swim
  if (!config.accrual.enabled || !rtts.isTrained) return config.probeTimeoutMs
  const answerMs = expectedMs(swim, member) * rtts.ratioAt(latestPart)
  return Math.min(
    config.probeTimeoutMs,
    Math.max(config.accrual.probeTimeoutMinMs, answerMs + lagMs),
  )
}

/** What a member's silence is measured against. */
export function oddsOf(swim: SwimState, member: number): Odds {
  const { rtts, loss, lagMs, config } = swim
  const expected = expectedMs(swim, member)
  return {
    loss: loss.rate,
    answeredBy: (elapsedMs) =>
      elapsedMs >= config.probeTimeoutMs + lagMs
        ? 1
        : rtts.answeredBy(Math.max(0, elapsedMs - lagMs), expected),
  }
}

/** From coordinates; where they tell nothing, what is common here. */
export function expectedMs(swim: SwimState, member: number): number {
  const { needs, table, rtts } = swim
  const known = needs.expectedRttMs?.(table.directory.nameOf(member)) ?? null
  return known ?? (rtts.isTrained ? rtts.medianMs() : expectedMinMs)
}

const latestPart = 0.999
