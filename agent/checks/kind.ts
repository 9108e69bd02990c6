import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import type { PipePool } from '../command/pipe.ts'
import type { Authorities } from './authorities.ts'

/** What one run of a check found. Output longer than the limit was cut by the kind, which knows which end matters. */
export interface CheckResult {
  readonly status: CheckStatus
  readonly output: string
  /** What must be over before the next run, where that may come later than the result: a process that was killed. */
  readonly ended?: Promise<void>
}

/** A kind of check: what its rows say, and which definitions ask for it. */
export interface CheckKind {
  /** The kind's name in a check's row. */
  readonly name: string
  accepts(definition: CheckDefinition): boolean
}

/**
 * A kind of check that is run every interval. It is told how long it may take and how much it may keep, and never throws for
 * what it finds: a failure to look is a critical result.
 */
export interface PeriodicKind extends CheckKind {
  /** How long a run may take where the definition doesn't say. */
  readonly timeoutMs: number
  run(definition: CheckDefinition, limits: RunLimits): Promise<CheckResult>
}

export interface RunLimits {
  /** For what is said of it; `signal` keeps the time. */
  readonly timeoutMs: number
  readonly outputMaxBytes: number
  /** Fires when the time is over. It fires as well where the agent stops, and then nobody asks for the result. */
  readonly signal: AbortSignal
  /** For what processes write. */
  readonly pipes: PipePool
  /** For TLS. */
  readonly authorities: Authorities
}

export const networkTimeoutMs = 10_000
export const commandTimeoutMs = 30_000

/** Why a look failed, in the words of Go's libraries, which people grep for. */
export class CheckFault extends Error {}

export function faultText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
