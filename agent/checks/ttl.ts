import type { CheckStatus } from '../../server/model/check.ts'
import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { CheckKind } from './kind.ts'

export const ttlCheck: CheckKind = { name: 'ttl', accepts: ({ TTLMs }) => TTLMs > 0 }

/** How a check that doesn't run tells what it knows: the status, and what to print beside it. */
export type Report = (status: CheckStatus, output: string) => void

/**
 * A check whose client must speak up before its time is over. Silence is critical, with the client's last words kept: they are
 * what one wants to read then.
 */
export class TtlCheck {
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #outputMaxBytes: number
  readonly #report: Report
  #lastOutput = ''
  #timer: Timer

  constructor(clock: Clock, ttlMs: number, outputMaxBytes: number, report: Report) {
    this.#clock = clock
    this.#ttlMs = ttlMs
    this.#outputMaxBytes = outputMaxBytes
    this.#report = report
    this.#timer = this.#arm(ttlMs)
  }

  /** The client's word. It holds for a whole TTL from now. */
  update(status: CheckStatus, output: string): void {
    this.#timer.cancel()
    this.#lastOutput = cutHead(output, this.#outputMaxBytes)
    this.#report(status, this.#lastOutput)
    this.#timer = this.#arm(this.#ttlMs)
  }

  /** Goes on with a word from before a restart, for as long as it had left. */
  resume(output: string, leftMs: number): void {
    this.#timer.cancel()
    this.#lastOutput = output
    this.#timer = this.#arm(leftMs)
  }

  [Symbol.dispose](): void {
    this.#timer.cancel()
  }

  #arm(delayMs: number): Timer {
    return this.#clock.after(delayMs, () =>
      this.#report(
        'critical',
        this.#lastOutput === ''
          ? 'TTL expired'
          : `TTL expired (last output before timeout follows): ${this.#lastOutput}`,
      ),
    )
  }
}

/** A client's text is kept from its beginning, with a note of how much there was. */
export function cutHead(text: string, sizeMaxBytes: number): string {
  const bytes = Buffer.from(text)
  return bytes.length <= sizeMaxBytes
    ? text
    : `${bytes.subarray(0, sizeMaxBytes).toString('utf8')} ... (captured ${sizeMaxBytes} of ${bytes.length} bytes)`
}
