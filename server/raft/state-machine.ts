import type { Entry } from './types.ts'

/**
 * What the log drives. Every server applies the same entries in the same order and must arrive at the same state, so nothing
 * in here may ask the clock, chance or the locale.
 *
 * Noop and membership entries are applied too, so that the state's index has no holes; their result is not looked at.
 */
export interface StateMachine<Result> {
  /**
   * Applies consecutive entries and gives one result for each. Called with at most a few dozen at a time, so that it takes a
   * millisecond and not a second. Throwing ends the process: what a caller did wrong is a result, not an exception.
   */
  apply(entries: readonly Entry[]): readonly Result[]
  /**
   * The state as it is when this returns, in chunks taken later and slowly. Taking the picture must be O(1), and must not wait
   * for the first chunk to be asked for, as the body of a generator does. Chunks are 64 MiB at most, and the bytes of one need be
   * good only until the next is asked for.
   */
  snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /**
   * Replaces the state by what an earlier `snapshot` gave, with the same chunks. Builds aside and swaps at once, so reads
   * meanwhile see the old state; if it rejects the state is unchanged. Nothing is applied until it is done.
   */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>
}
