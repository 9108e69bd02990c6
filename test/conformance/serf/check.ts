import { isDeepStrictEqual } from 'node:util'

import { describeError } from '../../../server/model/errors.ts'
import { sleep, systemClock } from '../../../server/runtime/clock.ts'

/**
 * How long a thing may take to become as it should be. In a pool this small one rumour in fifty misses a member, which hears of it
 * with its next push/pull: those are 30 seconds apart, and between any two.
 */
const patienceMs = 75_000
const lookEveryMs = 400
const neverAborted = new AbortController().signal

/** What was checked, line by line. */
export class Checks {
  count = 0
  failures = 0

  /** Checks that begin with the same words. */
  of(chapter: string): Expect {
    return async (what, wanted, ask, waitMs = patienceMs) => {
      const beganMs = performance.now()
      const value = await until(ask, (answer) => isDeepStrictEqual(answer, wanted), waitMs)
      const isSo = isDeepStrictEqual(value, wanted)
      const tookSeconds = ((performance.now() - beganMs) / 1000).toFixed(1)
      this.#note(isSo, `${chapter}: ${what} (${tookSeconds} s)`)
      if (isSo) return
      console.log(`    is:     ${JSON.stringify(value)}\n    wanted: ${JSON.stringify(wanted)}`)
    }
  }

  /** A chapter that ended before its end is one failure. */
  async run(chapter: string, body: (expect: Expect) => Promise<void>): Promise<void> {
    try {
      await body(this.of(chapter))
    } catch (error) {
      this.#note(false, `${chapter}: ${describeError(error)}`)
    }
  }

  #note(isSo: boolean, line: string): void {
    this.count += 1
    if (!isSo) this.failures += 1
    console.log(`${isSo ? '✓' : '✗'} ${line}`)
  }
}

/** Asks until the answer is as it should be, or patience is over. A question that fails is asked again. */
export type Expect = <Value>(
  what: string,
  wanted: Value,
  ask: () => Value | Promise<Value>,
  waitMs?: number,
) => Promise<void>

/** The first answer that is wanted, or the last one that isn't. */
export async function until<Value>(
  ask: () => Value | Promise<Value>,
  isWanted: (value: Value) => boolean,
  waitMs = patienceMs,
): Promise<Value | string> {
  const deadlineMs = performance.now() + waitMs
  for (;;) {
    const value = await attempt(ask)
    const isAnswered = 'answer' in value
    if (isAnswered && isWanted(value.answer)) return value.answer
    if (performance.now() > deadlineMs) return isAnswered ? value.answer : value.failure
    await sleep(systemClock, lookEveryMs, neverAborted)
  }
}

async function attempt<Value>(
  ask: () => Value | Promise<Value>,
): Promise<{ readonly answer: Value } | { readonly failure: string }> {
  try {
    return { answer: await ask() }
  } catch (error) {
    return { failure: describeError(error) }
  }
}
