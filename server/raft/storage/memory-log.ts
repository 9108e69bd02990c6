import { assert } from '../../model/assert.ts'
import type { AppendBatch } from '../core/output.ts'
import type { Entry, Index, Term } from '../types.ts'
import { LogImage } from './log-image.ts'
import type { LogStore, RecoveredLog } from './port.ts'

/** A log that ends with its process: for `-dev`, and for tests. Answers as the WAL does: in order, and later. */
export class MemoryLog implements LogStore {
  readonly #image = new LogImage(1)
  readonly recovered: RecoveredLog = this.#image.recovered()
  #waiting: (() => void)[] = []
  #closed = false

  append(batch: AppendBatch, durable: () => void): void {
    assert(!this.#closed, 'append to a log that was closed')
    this.#image.append(batch)
    this.#waiting.push(durable)
    if (this.#waiting.length === 1) queueMicrotask(() => this.#settle())
  }

  compact(through: Index): void {
    this.#image.compact(through)
  }

  hasRoom(): boolean {
    return true
  }

  firstIndex(): Index {
    return this.#image.firstIndex
  }

  lastIndex(): Index {
    return this.#image.lastIndex
  }

  term(index: Index): Term {
    return this.#image.term(index)
  }

  entries(from: Index, through: Index, bytesMax: number): readonly Entry[] {
    return this.#image.tail.slice(from, through, bytesMax)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
  }

  #settle(): void {
    const settled = this.#waiting
    this.#waiting = []
    if (!this.#closed) for (const durable of settled) durable()
  }
}
