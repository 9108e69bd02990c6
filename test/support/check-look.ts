import { Authorities } from '../../agent/checks/authorities.ts'
import type { CheckResult, PeriodicKind } from '../../agent/checks/kind.ts'
import { PipePool } from '../../agent/command/pipe.ts'
import { emptyCheckDefinition } from '../../server/model/definition.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'

export interface LookOptions {
  readonly timeoutMs?: number
  readonly outputMaxBytes?: number
  /** Ends the time by hand; absent: the timeout does. */
  readonly signal?: AbortSignal
  readonly pipes?: PipePool
}

/** Runs a check once, outside any agent. */
export async function look(
  kind: PeriodicKind,
  definition: Partial<CheckDefinition>,
  { timeoutMs = 10_000, outputMaxBytes = 4096, signal, pipes }: LookOptions = {},
): Promise<CheckResult> {
  await using ours = new PipePool()
  return await kind.run(
    { ...emptyCheckDefinition, ...definition },
    {
      timeoutMs,
      outputMaxBytes,
      signal: signal ?? AbortSignal.timeout(timeoutMs),
      pipes: pipes ?? ours,
      authorities: new Authorities(),
    },
  )
}
