import { closeSync, openSync, readSync } from 'node:fs'

import { must } from '../../server/model/assert.ts'
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
export function judgeStreams(streams: readonly Iterable<TraceEvent>[]): Judgement {
  const specification = new Specification()
  const ahead = streams.map((stream) => {
    const events = Iterator.from(stream)
    return { events, next: events.next() }
  })
  let accepted = 0
  for (let isMoving = true; isMoving;) {
    isMoving = false
    for (const stream of ahead) {
      while (stream.next.done !== true && specification.unsent(stream.next.value) === undefined) {
        const refusal = specification.reject(stream.next.value)
        if (refusal !== null) return { accepted, refusal }
        accepted += 1
        isMoving = true
        stream.next = stream.events.next()
      }
    }
  }
  const waiting = ahead.find(({ next }) => next.done !== true)?.next
  const isOver = waiting === undefined || waiting.done === true
  return { accepted, refusal: isOver ? null : specification.reject(waiting.value) }
}

/** One event a line, as `JSON.stringify` writes it. */
export function decodeStream(text: string): TraceEvent[] {
  return [...decodeLines(text.split('\n'))]
}

/** The same from a file that may be larger than what a process can hold. */
export function* readStream(path: string): Generator<TraceEvent> {
  yield* decodeLines(linesOf(path))
}

/** A process that is killed may leave half a line, and no more than one: what it was about has not happened. */
function* decodeLines(lines: Iterable<string>): Generator<TraceEvent> {
  let torn: string | null = null
  for (const line of lines) {
    if (line === '') continue
    const event = decode(line)
    if (torn !== null && event?.kind !== 'start')
      throw new Error(`this is no event: ${torn.slice(0, 200)}`)
    torn = event === null ? line : null
    if (event !== null) yield event
  }
}

function decode(line: string): TraceEvent | null {
  try {
    return JSON.parse(line) as TraceEvent
  } catch {
    return null
  }
}

const readBytes = 1 << 20

function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(readBytes)
    const decoder = new TextDecoder()
    let rest = ''
    for (;;) {
      const count = readSync(file, bytes, 0, readBytes, null)
      if (count === 0) break
      const lines = (rest + decoder.decode(bytes.subarray(0, count), { stream: true })).split('\n')
      rest = must(lines.pop(), 'a text has a last line')
      yield* lines
    }
    yield rest
  } finally {
    closeSync(file)
  }
}
