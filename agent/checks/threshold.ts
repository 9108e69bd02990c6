import type { CheckStatus } from '../../server/model/check.ts'

/** How many results in a row a check needs before its status is believed; 0 and 1 both mean the first. */
export interface Thresholds {
  readonly successBeforePassing: number
  readonly failuresBeforeCritical: number
}

/** Results of one kind in a row so far. */
export interface Streak {
  readonly successes: number
  readonly failures: number
}

export const noStreak: Streak = { successes: 0, failures: 0 }

/**
 * Counts a result in. `believed` tells whether the check's status is now this result's; a warning counts as a success, as Consul
 * has it.
 */
export function countResult(
  streak: Streak,
  status: CheckStatus,
  { successBeforePassing, failuresBeforeCritical }: Thresholds,
): { readonly streak: Streak; readonly believed: boolean } {
  if (status === 'critical') {
    const failures = streak.failures + 1
    return { streak: { successes: 0, failures }, believed: failures >= failuresBeforeCritical }
  }
  const successes = streak.successes + 1
  return { streak: { successes, failures: 0 }, believed: successes >= successBeforePassing }
}
