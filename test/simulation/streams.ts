import type { TraceEvent } from '../../server/raft/trace.ts'
import { Specification } from './specification.ts'

export interface Judgement {
  /** Events that are allowed, one after the other. */
  readonly accepted: number
  /** Why the next of no server is allowed; null if there is none. */
  readonly refusal: string | null
}

/**
 * Judges what several servers wrote down, each for itself. Their clocks do not agree, and need not: an event may come when
 * everything it received was sent, and any such order is as good as any other.
 */
export function judgeStreams(streams: readonly (readonly TraceEvent[])[]): Judgement {
  const specification = new Specification()
  const positions = streams.map(() => 0)
  let accepted = 0
  for (let isMoving = true; isMoving;) {
    isMoving = false
    for (const [number, stream] of streams.entries()) {
      let event = stream[positions[number] ?? 0]
      while (event !== undefined && specification.unsent(event) === undefined) {
        const refusal = specification.reject(event)
        if (refusal !== null) return { accepted, refusal }
        accepted += 1
        isMoving = true
        positions[number] = (positions[number] ?? 0) + 1
        event = stream[positions[number] ?? 0]
      }
    }
  }
  const stuck = streams.map((stream, number) => stream[positions[number] ?? 0])
  const waiting = stuck.find((event) => event !== undefined)
  return { accepted, refusal: waiting === undefined ? null : specification.reject(waiting) }
}

/** One event a line, as `JSON.stringify` writes it. */
export function decodeStream(text: string): TraceEvent[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TraceEvent)
}
