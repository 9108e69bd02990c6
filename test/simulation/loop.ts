import { must } from '../../server/model/assert.ts'
import type { Machine } from './machine.ts'

/**
 * The event loop of simulated processes. What runs in production asks Node for its next turn by setImmediate, in many places; in
 * a simulation such a turn is an event like any other, on the machine that asked. Between two events every promise that can go
 * on does, so the same seed is the same run.
 */
export class Loop implements Disposable {
  /** On whose behalf code is running. */
  current: Machine | null = null
  readonly #turn = globalThis.setImmediate

  constructor() {
    const soon = (work: (...given: unknown[]) => void, ...given: unknown[]): void =>
      must(this.current, 'a machine that runs').soon(() => work(...given))
    globalThis.setImmediate = soon as unknown as typeof setImmediate
  }

  /** A true turn of Node's loop: no microtask is left after it. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      this.#turn(resolve)
    })
  }

  [Symbol.dispose](): void {
    globalThis.setImmediate = this.#turn
  }
}
