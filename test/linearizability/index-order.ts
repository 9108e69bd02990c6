/** A request whose Raft index is known: told by the answer, or found in a server's log. */
export interface IndexedEvent {
  /** Indexes are compared within a scope: a key, or all of a table, or one server's answers about a key. */
  readonly scope: string
  readonly kind: 'read' | 'write'
  readonly index: number
  readonly calledAt: number
  readonly returnedAt: number
  /** For a person. */
  readonly what: string
}

export interface IndexDisorder {
  readonly earlier: IndexedEvent
  readonly later: IndexedEvent
  readonly text: string
}

/**
 * Whatever was answered before a request was made binds that request: a write gets a higher index than all of it, a read none
 * lower; and no two writes of a scope have the same. Where there is one total order, and a log is one, this finds almost all
 * that a search for an order would, and takes O(n log n).
 */
export function checkIndexOrder(events: readonly IndexedEvent[]): IndexDisorder[] {
  return [...Map.groupBy(events, ({ scope }) => scope).values()].flatMap((ofScope) => [
    ...backwards(ofScope),
    ...doubles(ofScope),
  ])
}

function* backwards(events: readonly IndexedEvent[]): Generator<IndexDisorder> {
  const calls = events.toSorted((a, b) => a.calledAt - b.calledAt)
  const returns = events.toSorted((a, b) => a.returnedAt - b.returnedAt)
  let highest: IndexedEvent | undefined
  let returned = 0
  for (const later of calls) {
    for (; returned < returns.length; returned += 1) {
      const event = returns[returned]
      if (event === undefined || event.returnedAt >= later.calledAt) break
      if (highest === undefined || event.index > highest.index) highest = event
    }
    if (highest === undefined) continue
    const isLow =
      later.kind === 'write' ? later.index <= highest.index : later.index < highest.index
    if (isLow) yield disorder(highest, later, 'went before')
  }
}

function* doubles(events: readonly IndexedEvent[]): Generator<IndexDisorder> {
  const writers = new Map<number, IndexedEvent>()
  for (const event of events) {
    if (event.kind !== 'write') continue
    const other = writers.get(event.index)
    if (other !== undefined) yield disorder(other, event, 'has the index of')
    writers.set(event.index, event)
  }
}

function disorder(earlier: IndexedEvent, later: IndexedEvent, verb: string): IndexDisorder {
  const text = `${later.scope}: ${later.what} at ${later.index} ${verb} ${earlier.what} at ${earlier.index}`
  return { earlier, later, text }
}
