import type { Clock, Timer } from '../../runtime/clock.ts'

export interface TurnsOptions {
  readonly clock: Clock
  /** When the next turn is wanted at the latest, on the clock's monotonic time. */
  readonly dueMs: () => number
  /** Everything that had arrived was read: judge what is due, and do what follows. */
  readonly judge: () => void
}

/** How many datagrams libuv reads from a socket before it goes on: fewer mean that it was empty. */
const readsPerPoll = 32
/** A flood must not keep anybody from ever being judged. */
const postponedMax = 64
/** A timer that is later than this ran after a pause, when much may wait to be read. */
const lateMs = 20

/**
 * When a core is run. Node runs timers before it reads the sockets, so that a process that stood still would find everybody's
 * deadline expired before it read their proofs of life. So a timer decides nothing: it asks for a turn, which comes when the
 * sockets were polled (`setImmediate` runs after that), and is put off while they may hold more.
 */
export class Turns implements Disposable {
  readonly #options: TurnsOptions
  #timer: Timer | undefined
  #timerMs = Infinity
  #turn: NodeJS.Immediate | undefined
  #read = 0
  #pollsWanted = 0
  #postponed = 0
  #isJudging = false
  #closed = false

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** A datagram came. */
  datagramRead(): void {
    this.#read += 1
    this.wake()
  }

  /** Something came, or may be due at another time than before. */
  wake(): void {
    // What comes of judging is carried out with it: another turn for it would ask for another, for ever.
    if (this.#closed || this.#isJudging) return
    this.#turn ??= setImmediate(() => this.#take())
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#timer?.cancel()
    if (this.#turn !== undefined) clearImmediate(this.#turn)
  }

  #take(): void {
    this.#turn = undefined
    const mayHoldMore = this.#read >= readsPerPoll || this.#pollsWanted > 1
    this.#read = 0
    this.#pollsWanted = Math.max(0, this.#pollsWanted - 1)
    if (mayHoldMore && this.#postponed < postponedMax) {
      this.#postponed += 1
      return this.wake()
    }
    this.#postponed = 0
    this.#isJudging = true
    try {
      this.#options.judge()
    } finally {
      this.#isJudging = false
    }
    this.#arm()
  }

  #arm(): void {
    const { clock, dueMs } = this.#options
    const atMs = dueMs()
    if (this.#closed || atMs === this.#timerMs) return
    this.#timer?.cancel()
    this.#timerMs = atMs
    this.#timer =
      atMs === Infinity
        ? undefined
        : clock.after(Math.max(0, atMs - clock.monotonicMs()), () => {
            this.#timerMs = Infinity
            // What stood still has accepted no streams either: those are read a poll later than datagrams.
            if (clock.monotonicMs() - atMs > lateMs) this.#pollsWanted = 3
            this.wake()
          })
  }
}
