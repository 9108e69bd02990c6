import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'

/** What one run of a check found. Output longer than the limit was cut by the kind, which knows which end matters. */
export interface CheckResult {
  readonly status: CheckStatus
  readonly output: string
}

/**
 * A kind of check that is run every interval. It is told how long it may take and how much it may keep, and never throws for
 * what it finds: a failure to look is a critical result.
 */
export interface PeriodicKind {
  /** The kind's name in a check's row. */
  readonly name: string
  run(definition: CheckDefinition, limits: RunLimits): Promise<CheckResult>
}

export interface RunLimits {
  readonly timeoutMs: number
  readonly outputMaxBytes: number
  readonly signal: AbortSignal
}

export const defaultTimeoutMs = 10_000

/** Go's words for a connection that failed: people grep for them. */
export function describeDialError(address: string, error: unknown): string {
  const { code, hostname } = error as NodeJS.ErrnoException & { hostname?: string }
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${address}: connect: connection refused`
    case 'ECONNRESET':
      return `read tcp ${address}: read: connection reset by peer`
    case 'EHOSTUNREACH':
      return `dial tcp ${address}: connect: no route to host`
    case 'ENETUNREACH':
      return `dial tcp ${address}: connect: network is unreachable`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${hostname ?? address}: no such host`
    case 'ETIMEDOUT':
      return `dial tcp ${address}: i/o timeout`
    default:
      return `dial tcp ${address}: ${error instanceof Error ? error.message : String(error)}`
  }
}
