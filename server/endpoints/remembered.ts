import type { Topic, Watchers } from '../state/watch.ts'
import type { ReadResult } from './method.ts'

/** An answer and what it depends on. */
export interface Answer<Reply = unknown> {
  readonly result: ReadResult<Reply>
  readonly topics: readonly Topic[]
}

/** More different questions than this at once, and the one asked longest ago is worked out anew. */
const answersMax = 4096

/**
 * Answers kept until something that they depend on changes. A kept answer waits on the topics of its read like any blocking query
 * does, so it can't be older than the state; and the same object is given out while it stands, so that who encodes it may keep
 * the encoded form under the object's identity.
 */
export class RememberedAnswers {
  readonly #watchers: Watchers
  readonly #answers = new Map<string, { answer: Answer; forget: () => void }>()

  constructor(watchers: Watchers) {
    this.#watchers = watchers
  }

  get size(): number {
    return this.#answers.size
  }

  get(key: string): Answer | undefined {
    return this.#answers.get(key)?.answer
  }

  /** Keeps an answer that was read just now. */
  keep(key: string, answer: Answer): void {
    this.#drop(key)
    const oldest = this.#answers.keys().next()
    if (this.#answers.size >= answersMax && !oldest.done) this.#drop(oldest.value)
    const forget = this.#watchers.once(answer.topics, () => this.#answers.delete(key))
    this.#answers.set(key, { answer, forget })
  }

  #drop(key: string): void {
    this.#answers.get(key)?.forget()
    this.#answers.delete(key)
  }
}
