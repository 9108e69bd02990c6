import { noLeader } from './model/errors.ts'
import type { Rpc } from './model/methods.ts'
import type { Clock } from './runtime/clock.ts'

/**
 * Something that is not there yet, and will be once: who asks for it meanwhile waits as one would for a leader, and is told at the
 * end that there is none.
 */
export class Held<T> {
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #opened = Promise.withResolvers<T>()
  #current: T | undefined

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock
    this.#waitMs = waitMs
    // Nobody may be waiting when it will not come.
    this.#opened.promise.catch(() => undefined)
  }

  open(value: T): void {
    this.#current = value
    this.#opened.resolve(value)
  }

  /** It will not come. */
  close(): void {
    this.#opened.reject(noLeader())
  }

  get current(): T | undefined {
    return this.#current
  }

  wait(): Promise<T> {
    if (this.#current !== undefined) return this.#opened.promise
    const late = Promise.withResolvers<never>()
    const timer = this.#clock.after(this.#waitMs, () => late.reject(noLeader()))
    return Promise.race([this.#opened.promise, late.promise]).finally(() => timer.cancel())
  }
}

/** The methods of what is held, which wait for it while it isn't there. */
export function heldRpc<T extends { readonly rpc: Rpc }>(
  held: Pick<Held<T>, 'current' | 'wait'>,
): Rpc {
  // Not async: once it is there, every call of this node passes here, and needs no promise of its own.
  return {
    read: (method, args, options) =>
      held.current
        ? held.current.rpc.read(method, args, options)
        : held.wait().then(({ rpc }) => rpc.read(method, args, options)),
    write: (method, args, options) =>
      held.current
        ? held.current.rpc.write(method, args, options)
        : held.wait().then(({ rpc }) => rpc.write(method, args, options)),
  }
}
