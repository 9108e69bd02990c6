import type { RaftEvent } from './core/output.ts'

/** Messages from other servers that wait for a turn; beyond it they are lost, which the core expects of a network. */
const messagesMax = 16_384

/** What happened since the last turn, in order. */
export class Inbox {
  #events: RaftEvent[] = []

  get isEmpty(): boolean {
    return this.#events.length === 0
  }

  /** False when there is no room for what may be lost. */
  offer(event: RaftEvent): boolean {
    if (this.#events.length >= messagesMax) return false
    this.#events.push(event)
    return true
  }

  /** For what may not be lost: there is never more of it than there are batches, snapshots and callers under way. */
  add(event: RaftEvent): void {
    this.#events.push(event)
  }

  /** Steps everything, or as much as holds so many bytes of entries; says how many those were. */
  drain(bytesMax: number, step: (event: RaftEvent) => void): number {
    const events = this.#events
    this.#events = []
    let drainedBytes = 0
    for (const [position, event] of events.entries()) {
      if (drainedBytes >= bytesMax) {
        this.#events = events.slice(position)
        break
      }
      step(event)
      drainedBytes += entryBytesOf(event)
    }
    return drainedBytes
  }

  clear(): void {
    this.#events = []
  }
}

/** What an entry takes beside its payload, on disk. */
export const entryOverheadBytes = 24

function entryBytesOf(event: RaftEvent): number {
  if (event.kind === 'propose') return event.payload.length + entryOverheadBytes
  if (event.kind !== 'message' || event.message.kind !== 'append') return 0
  let sizeBytes = 0
  for (const { payload } of event.message.entries) sizeBytes += payload.length + entryOverheadBytes
  return sizeBytes
}
