import type { Chance } from '../../server/runtime/chance.ts'
import type { Target } from './gossip-targets.ts'
import { mutate, pick } from './mutation.ts'

/** What came of many inputs. */
export interface Tally {
  /** How often each refusal, and each other end. */
  readonly outcomes: ReadonlyMap<string, number>
  readonly slowest: { readonly tookMs: number; readonly sizeBytes: number }
  readonly tookMs: number
  /** What ended it early: an error that is no refusal. The input is in hex. */
  readonly finding: { readonly error: Error; readonly input: string } | undefined
}

/** Of this thread, whatever else runs on the machine. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** As they are at first, then with things wrong. */
export function fuzz(target: Target, inputs: number, chance: Chance): Tally {
  const outcomes = new Map<string, number>()
  const begunMs = performance.now()
  let slowest: Tally['slowest'] = { tookMs: 0, sizeBytes: 0 }
  const tally = (finding: Tally['finding']): Tally => ({
    outcomes,
    slowest,
    tookMs: performance.now() - begunMs,
    finding,
  })
  for (let count = 0; count < inputs; count += 1) {
    const seed = target.seeds[count]
    const input =
      seed === undefined
        ? mutate(pick(target.seeds, chance), pick(target.seeds, chance), chance)
        : Buffer.from(seed)
    const startMs = workedMs()
    try {
      const outcome = target.run(input, chance)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    } catch (error) {
      const thrown = error instanceof Error ? error : new Error(String(error))
      return tally({ error: thrown, input: input.toString('hex') })
    }
    const tookMs = workedMs() - startMs
    if (tookMs > slowest.tookMs) slowest = { tookMs, sizeBytes: input.length }
  }
  return tally(undefined)
}
