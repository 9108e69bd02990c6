import type { Duplex } from 'node:stream'

import { PraetorError } from '../model/errors.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { encodeMsgpack } from '../wire/msgpack.ts'
import { callPrefix, errorOfAnswer } from './error-wire.ts'
import { MalformedMessage } from './message-extent.ts'
import { MessageReader } from './message-reader.ts'
import type { Message } from './message-reader.ts'
import { Outbox } from './outbox.ts'

export interface CallOptions {
  /** Fires when nobody wants the answer any more; the call then rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** How long the answer may take at most. */
  readonly timeoutMs: number
  /** The server is asked because it leads: when another does, the answer is not waited for. */
  readonly toLeader?: boolean
}

/**
 * The call got no answer. When it was not `sent` nothing can have come of it; otherwise nobody knows, and only a call that may
 * be carried out twice may be sent again.
 */
export class CallFailed extends PraetorError {
  readonly sent: boolean

  constructor(message: string, { sent }: { readonly sent: boolean }) {
    super('failed', message)
    this.sent = sent
  }
}

export interface CallerConfig {
  readonly clock: Clock
  /**
   * The other side answers calls as they get done, in any order, and heeds cancellations: so says a Praetor. A Consul carries
   * out one call after the other, so it gets a connection (or stream) per call.
   */
  readonly concurrent: boolean
}

/**
 * Calls that wait on one connection: most are blocking queries, a few hundred bytes each. The other side takes twice as many
 * (answerer.ts), so that it never stops reading for their sake: it could not hear then which of them were given up.
 */
const callsMax = 65_536
const unsentMaxBytes = 64 * 1024 * 1024
/** Deadlines are looked at this often: a timer for each call would cost more than the call. */
const sweepMs = 1_000

interface Waiting {
  readonly method: string
  readonly resolve: (body: unknown) => void
  readonly reject: (error: unknown) => void
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  readonly abort: (() => void) | undefined
  readonly toLeader: boolean
}

/** A body that tells a Praetor to stop the call with this number. It gets no answer. */
export const cancelMethod = 'Praetor.Cancel'

/** The asking end of a connection: calls go out as they come, and answers find the call they belong to. */
export class Caller {
  readonly #transport: Duplex
  readonly #config: CallerConfig
  readonly #outbox: Outbox
  readonly #reader = new MessageReader()
  readonly #waiting = new Map<number, Waiting>()
  #sequence = 0
  #closedBy: string | undefined
  #sweep: Timer | undefined

  constructor(transport: Duplex, config: CallerConfig) {
    this.#transport = transport
    this.#config = config
    this.#outbox = new Outbox(transport)
    transport.on('data', (chunk: Buffer) => this.#receive(chunk))
    transport.on('error', (error: Error) => this.#close(error.message))
    transport.once('end', () => this.#close('EOF'))
    transport.once('close', () => this.#close('EOF'))
  }

  get isOpen(): boolean {
    return this.#closedBy === undefined
  }

  /** Calls without an answer yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Resolves with the body of the answer. Rejects with the error that the other side gave, with CallFailed when no answer came,
   * or with the signal's reason.
   */
  call(method: string, body: unknown, options: CallOptions): Promise<unknown> {
    const { signal } = options
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    if (this.#closedBy !== undefined)
      return Promise.reject(new CallFailed(this.#closedBy, { sent: false }))
    if (this.#waiting.size >= callsMax || this.#outbox.unsentBytes > unsentMaxBytes)
      return Promise.reject(new CallFailed('too many calls are waiting', { sent: false }))
    return new Promise((resolve, reject) => {
      this.#sequence += 1
      const sequence = this.#sequence
      const abort = signal && ((): void => this.#abandon(sequence, signal.reason))
      if (abort) signal.addEventListener('abort', abort, { once: true })
      this.#waiting.set(sequence, {
        method,
        resolve,
        reject,
        deadlineMs: this.#config.clock.monotonicMs() + options.timeoutMs,
        signal,
        abort,
        toLeader: options.toLeader === true,
      })
      this.#send(method, sequence, body)
      this.#sweep ??= this.#scheduleSweep()
    })
  }

  /** Another server leads: what was asked of this one as the leader fails, and may be asked of that one. */
  depose(): void {
    for (const [sequence, { toLeader }] of this.#waiting)
      if (toLeader)
        this.#abandon(sequence, new CallFailed(`${callPrefix}another server leads`, { sent: true }))
  }

  destroy(reason = 'EOF'): void {
    this.#close(reason)
  }

  #send(method: string, sequence: number, body: unknown): void {
    // Both or neither: a header without its body would put everything after it out of step.
    const encoded = encodeMsgpack(body, oldSpec)
    this.#outbox.put(encodeMsgpack({ ServiceMethod: method, Seq: sequence }, oldSpec))
    this.#outbox.put(encoded)
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#reader.read(chunk)) this.#answer(message)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#close(error.message)
    }
  }

  /** The answer to a call that was abandoned finds nobody. */
  #answer({ header, body }: Message): void {
    const waiting = this.#take(header['Seq'])
    if (!waiting) return
    if (header['Error'] === '') waiting.resolve(body)
    else waiting.reject(errorOfAnswer(header))
  }

  /** Nobody waits for the call any more, which does not mean that it isn't carried out. */
  #abandon(sequence: number, reason: unknown): void {
    const waiting = this.#take(sequence)
    if (!waiting) return
    waiting.reject(reason)
    if (this.#config.concurrent) this.#send(cancelMethod, 0, { Seq: sequence })
    else this.#close('the call was given up')
  }

  #take(sequence: unknown): Waiting | undefined {
    if (typeof sequence !== 'number') return undefined
    const waiting = this.#waiting.get(sequence)
    if (!waiting) return undefined
    this.#waiting.delete(sequence)
    if (waiting.abort) waiting.signal?.removeEventListener('abort', waiting.abort)
    return waiting
  }

  #scheduleSweep(): Timer {
    return this.#config.clock.after(sweepMs, () => {
      this.#sweep = undefined
      const nowMs = this.#config.clock.monotonicMs()
      for (const [sequence, { deadlineMs }] of this.#waiting)
        if (deadlineMs <= nowMs)
          this.#abandon(sequence, new CallFailed('rpc timeout', { sent: true }))
      if (this.#waiting.size > 0) this.#sweep = this.#scheduleSweep()
    })
  }

  #close(reason: string): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = reason
    this.#sweep?.cancel()
    for (const sequence of this.#waiting.keys())
      this.#take(sequence)?.reject(new CallFailed(`${callPrefix}${reason}`, { sent: true }))
    this.#transport.destroy()
  }
}

const oldSpec = { oldSpec: true } as const
