import type { SwimConfig } from './config.ts'

/**
 * A suspicion and how long it lasts: Lifeguard's timer (§IV-B), which is long while one member alone accuses, and shrinks to its
 * least as others come to the same conclusion.
 *
 * Accusers have weights. Who accuses in public has passed its threshold and weighs 1; what we have found ourselves but not
 * published weighs as much as it is of the threshold.
 */
export class Suspicion {
  #startedMs: number
  readonly #bounds: SuspicionBounds
  readonly #accusers: Set<string>
  readonly #ownName: string
  #ownEvidence = 0

  constructor(bounds: SuspicionBounds, startedMs: number, accuser: string, ownName: string) {
    this.#bounds = bounds
    this.#startedMs = startedMs
    this.#accusers = new Set([accuser])
    this.#ownName = ownName
  }

  /** Whether it has all the confirmations that it could do with. */
  get isConfirmed(): boolean {
    return this.#accusers.size > this.#bounds.confirmationsWanted
  }

  /** True where this accusation is news that others should hear. */
  confirm(accuser: string): boolean {
    // More than the wanted ones change nothing, and would be gossiped in vain.
    if (this.#accusers.has(accuser) || this.isConfirmed) return false
    this.#accusers.add(accuser)
    if (accuser === this.#ownName) this.#ownEvidence = 0
    return true
  }

  /** What we hold against the suspect ourselves, as a part of what it takes to accuse it. True where it shortens the time. */
  weigh(part: number): boolean {
    const evidence = Math.min(1, part)
    if (evidence <= this.#ownEvidence || this.isConfirmed) return false
    if (this.#accusers.has(this.#ownName)) return false
    this.#ownEvidence = evidence
    return true
  }

  /** We did not look for that long, and may have missed the refutation. */
  excuse(pauseMs: number): void {
    this.#startedMs += pauseMs
  }

  /** It answered, and did not refute. */
  renew(nowMs: number): void {
    this.#startedMs = nowMs
  }

  /** C_eff: how many have confirmed it, not all of them in full. */
  confirmations(): number {
    return this.#accusers.size - 1 + this.#ownEvidence
  }

  timeoutMs(): number {
    return suspicionTimeoutMs(this.#bounds, this.confirmations())
  }

  /** When the suspect is dead to us unless it refutes. */
  deadlineMs(): number {
    return this.#startedMs + this.timeoutMs()
  }
}

export interface SuspicionBounds {
  readonly minMs: number
  readonly maxMs: number
  /** K: the confirmations at which it is as short as it gets. With 0 it is that from the beginning. */
  readonly confirmationsWanted: number
}

/** max − (max − min)·ln(C + 1)/ln(K + 1), and never below min. */
export function suspicionTimeoutMs(bounds: SuspicionBounds, confirmations: number): number {
  const { minMs, maxMs, confirmationsWanted } = bounds
  if (confirmationsWanted < 1) return minMs
  const progress = Math.log(confirmations + 1) / Math.log(confirmationsWanted + 1)
  return Math.max(minMs, Math.floor(maxMs - progress * (maxMs - minMs)))
}

/** `members` live ones, this node included; `loss` is that of a round trip. */
export function suspicionBounds(
  config: SwimConfig,
  members: number,
  loss: number,
): SuspicionBounds {
  const { accrual, lifeguard, suspicionMult } = config
  const minMs = accrual.enabled
    ? accrual.acceptablePauseMs + 2 * disseminationMs(config, members, loss)
    : suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * config.probeIntervalMs
  const maxMs = minMs * config.suspicionMaxTimeoutMult
  // Where so many confirmations cannot come there is no use in waiting for them.
  const wanted = suspicionMult - 2
  const isConfirmable = lifeguard.confirmations && members - 2 >= wanted
  return { minMs, maxMs, confirmationsWanted: isConfirmable ? wanted : 0 }
}

/**
 * T_diss: how long news takes to reach about everybody, by gossip to f members each g of which a part is lost. The first half
 * of the members hear it in exponential growth, the second in exponential decay.
 */
export function disseminationMs(
  { gossipIntervalMs, gossipNodes }: SwimConfig,
  members: number,
  loss: number,
): number {
  const arriving = gossipNodes * Math.sqrt(1 - loss)
  return (
    gossipIntervalMs * Math.log(Math.max(2, members)) * (1 / Math.log(1 + arriving) + 1 / arriving)
  )
}
