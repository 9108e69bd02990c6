import { PraetorError } from '../../model/errors.ts'
import type { Query } from '../wire/serf-messages.ts'
import { acknowledge, answer } from './answers.ts'
import type { QueryHandle } from './events.ts'
import { answerInternally, isInternal } from './internal-queries.ts'
import { passes } from './query-filter.ts'
import { count, nextNumber, tell } from './state.ts'
import type { OpenQuery, SerfState } from './state.ts'

/** Somebody asks. Answers it, or tells those who may; true where it is new and is to be passed on. */
export function heedQuery(state: SerfState, query: Query): boolean {
  const { queryClock, queries, members, needs, nowMs } = state
  queryClock.witness(query.time)
  const recency = queries.note(queryClock.next, query.time, query.id)
  if (recency === 'old') count(state, 'serf.msgs.old')
  if (recency !== 'new') return false
  count(state, 'serf.queries')
  count(state, `serf.queries.${query.name}`)
  if (passes(query.filters, members.own, needs.compilePattern)) {
    if (query.wantsAck) acknowledge(state, query)
    const open = { query, deadlineMs: nowMs + query.timeoutMs }
    if (isInternal(query)) answerInternally(state, open)
    else offer(state, open)
  }
  return !query.noBroadcast
}

/** Tells of a query, for whoever has an answer. The oldest goes unanswered where too many wait. */
function offer(state: SerfState, open: OpenQuery): void {
  if (state.open.size >= state.config.openQueriesMax)
    for (const [oldest] of state.open) {
      state.open.delete(oldest)
      break
    }
  const handle = nextNumber(state)
  state.open.set(handle, open)
  const { time, name, payload, sourceNode } = open.query
  const { deadlineMs } = open
  tell(state, { kind: 'query', query: handle, time, name, payload, from: sourceNode, deadlineMs })
}

export function respond(state: SerfState, handle: QueryHandle, payload: Uint8Array): void {
  const open = state.open.get(handle)
  if (open === undefined)
    throw new PraetorError('failed', 'response already sent, or past the deadline')
  answer(state, open, payload)
  state.open.delete(handle)
}

export function expireOpen(state: SerfState): void {
  for (const [handle, { deadlineMs }] of state.open)
    if (state.nowMs >= deadlineMs) state.open.delete(handle)
}
