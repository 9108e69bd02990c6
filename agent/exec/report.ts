import type { Clock, Timer } from '../../server/runtime/clock.ts'
import { outputPart } from './job.ts'

/** A key's worth of output. */
const chunkBytes = 4096
/** Less than that is sent when it has waited so long for more. */
const idleMs = 500
/** Each chunk is a write of the cluster's log: who wants more than this of a command has it write a file. */
const outputMaxBytes = 4 * 1024 * 1024
const cutNotice = Buffer.from(`\n... only the first ${outputMaxBytes} bytes are shown\n`)

export interface ReportOptions {
  readonly clock: Clock
  /** Where nothing is said for so long, it is said that the command is still there. */
  readonly heartbeatMs: number
  /** Writes below the node's key. Rejects where nobody wants to know any more. */
  readonly put: (name: string, value: Uint8Array) => Promise<void>
  /** Told that nobody does. */
  readonly lost: (error: unknown) => void
}

/** What a command says, on its way to who asked for it. */
export class Report {
  readonly #options: ReportOptions
  #held = Buffer.alloc(0)
  #leftBytes = outputMaxBytes
  #number = 0
  #underWay = 0
  #sent: Promise<void> = Promise.resolve()
  #timer: Timer | undefined

  constructor(options: ReportOptions) {
    this.#options = options
    this.#arm(options.heartbeatMs)
  }

  /** Resolves when there is room for more. */
  write(chunk: Uint8Array): Promise<void> {
    const isFirst = this.#held.length === 0
    this.#held = Buffer.concat([this.#held, this.#cut(chunk)])
    while (this.#held.length >= chunkBytes) this.#send(chunkBytes)
    if (isFirst) this.#arm(idleMs)
    return this.#sent
  }

  /** Sends what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel()
    if (this.#held.length > 0) this.#send(this.#held.length)
    await this.#sent
  }

  /** As much of it as is still taken. */
  #cut(chunk: Uint8Array): Uint8Array {
    const left = this.#leftBytes
    this.#leftBytes -= chunk.length
    if (this.#leftBytes >= 0) return chunk
    return left < 0 ? Buffer.alloc(0) : Buffer.concat([chunk.subarray(0, left), cutNotice])
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(delayMs, () => {
      // What is still on its way is a sign of life too.
      if (this.#underWay === 0) this.#send(this.#held.length)
      this.#arm(this.#held.length > 0 ? idleMs : this.#options.heartbeatMs)
    })
  }

  /** The first bytes of what is held, one after the other; none at all is a heartbeat. */
  #send(sizeBytes: number): void {
    const chunk = this.#held.subarray(0, sizeBytes)
    this.#held = this.#held.subarray(sizeBytes)
    const name = outputPart(this.#number++)
    this.#underWay += 1
    this.#sent = this.#sent
      .then(() => this.#options.put(name, chunk))
      .catch((error: unknown) => this.#options.lost(error))
      .finally(() => (this.#underWay -= 1))
  }
}
