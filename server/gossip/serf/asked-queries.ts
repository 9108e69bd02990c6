import { PraetorError } from '../../model/errors.ts'
import { encodeSerfMessage } from '../wire/serf-codec.ts'
import type { Query, QueryResponse } from '../wire/serf-messages.ts'
import { queryTimeoutMs } from './config.ts'
import type { Question } from './events.ts'
import { count } from './state.ts'
import type { AskedQuery, QueryListener, SerfState } from './state.ts'

/**
 * Asks everybody, ourselves included, and tells the listener what comes until time is up. Every query has a time of its own, by
 * which its answers find it.
 */
export function ask(state: SerfState, question: Question, listener: QueryListener): void {
  const { asked, config, members, needs, nowMs, queryClock } = state
  if (asked.size >= config.askedQueriesMax)
    throw new PraetorError('limited', `more than ${config.askedQueriesMax} queries at once`)
  const { timeoutMs, ...said } = question
  const query: Query = {
    kind: 'query',
    ...said,
    time: queryClock.next,
    id: Math.floor(needs.chance.fraction() * 2 ** 31),
    source: members.own.address,
    sourceNode: members.own.name,
    noBroadcast: false,
    timeoutMs: timeoutMs ?? queryTimeoutMs(config, members.present()),
  }
  const body = encodeSerfMessage(query)
  if (body.length > config.queryBytesMax)
    throw new PraetorError('failed', `query exceeds limit of ${config.queryBytesMax} bytes`)
  queryClock.witness(query.time)
  asked.set(query.time, {
    id: query.id,
    deadlineMs: nowMs + query.timeoutMs,
    acked: new Set(),
    answered: new Set(),
    listener,
  })
  state.toSelf.push({ message: query, body })
}

/** An answer, to whoever asked. Relayed answers come more than once, and answers of whom we don't know are of nobody. */
export function heedResponse(state: SerfState, response: QueryResponse): void {
  const { time, id, from, isAck, payload } = response
  const query = state.asked.get(time)
  if (query === undefined || query.id !== id || state.members.get(from) === undefined) return
  const kind = isAck ? 'acks' : 'responses'
  const heard = isAck ? query.acked : query.answered
  if (heard.has(from)) return count(state, `serf.query_duplicate_${kind}`)
  heard.add(from)
  count(state, `serf.query_${kind}`)
  if (isAck) query.listener.onAck?.(from)
  else if (query.listener.onAnswer(from, payload)) end(state, time, query)
}

export function expireAsked(state: SerfState): void {
  for (const [time, query] of state.asked)
    if (state.nowMs >= query.deadlineMs) end(state, time, query)
}

function end(state: SerfState, time: number, query: AskedQuery): void {
  state.asked.delete(time)
  query.listener.onDone()
}
