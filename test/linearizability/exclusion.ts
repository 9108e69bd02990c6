/** The time in which a client had every right to believe that it held a lock. */
export interface Holding {
  readonly lock: string
  readonly holder: string
  /** When it was told so. */
  readonly from: number
  /** When it began to give the lock up; Infinity where it never did. */
  readonly until: number
  /** The lock's LockIndex as the holder read it meanwhile. */
  readonly fence?: number | undefined
}

/**
 * No two hold a lock at once, and each holder's fence is higher than those before: so that what the lock protects can turn away
 * one who comes late. Gives a sentence for each breach.
 */
export function checkExclusion(holdings: readonly Holding[]): string[] {
  const breaches: string[] = []
  for (const [lock, ofLock] of Map.groupBy(holdings, (holding) => holding.lock)) {
    let longest: Holding | undefined
    let fenced: Holding | undefined
    for (const holding of ofLock.toSorted((a, b) => a.from - b.from)) {
      if (longest !== undefined && holding.from < longest.until)
        breaches.push(
          `${lock}: ${holding.holder} was given it at ${holding.from}, and ${longest.holder} held it until ${longest.until}`,
        )
      if (longest === undefined || holding.until > longest.until) longest = holding
      if (holding.fence === undefined) continue
      if (fenced?.fence !== undefined && holding.fence <= fenced.fence)
        breaches.push(
          `${lock}: ${holding.holder} has fence ${holding.fence}, and ${fenced.holder} had ${fenced.fence} before`,
        )
      fenced = holding
    }
  }
  return breaches
}
