import { PraetorError } from '../../model/errors.ts'
import { shuffled } from '../../runtime/chance.ts'
import { encodeSerfMessage } from '../wire/serf-codec.ts'
import { internalQueries } from '../wire/serf-messages.ts'
import type { Query, QueryResponse } from '../wire/serf-messages.ts'
import { send, swim } from './state.ts'
import type { OpenQuery, SerfState } from './state.ts'

/** Members of this protocol of memberlist and above know how to relay. */
const relayProtocolMin = 5

/** Answers a query, once: the caller sees to that. Throws a PraetorError where it is too late, or too long. */
export function answer(state: SerfState, open: OpenQuery, payload: Uint8Array): void {
  if (state.nowMs >= open.deadlineMs)
    throw new PraetorError('failed', 'response is past the deadline')
  if (!fits(state, open, payload))
    throw new PraetorError(
      'failed',
      `response exceeds limit of ${state.config.responseBytesMax} bytes`,
    )
  dispatch(state, open.query, responseTo(state, open.query, payload))
}

export function fits(state: SerfState, { query }: OpenQuery, payload: Uint8Array): boolean {
  const size = encodeSerfMessage(responseTo(state, query, payload)).length
  return size <= state.config.responseBytesMax
}

/** Says at once that the query is here. */
export function acknowledge(state: SerfState, query: Query): void {
  dispatch(state, query, { ...responseTo(state, query, new Uint8Array()), isAck: true })
}

function responseTo(state: SerfState, { time, id }: Query, payload: Uint8Array): QueryResponse {
  const from = state.members.own.name
  return { kind: 'queryResponse', time, id, from, isAck: false, payload }
}

/**
 * To who asked, and through others where that was wished. Only to members: who forges a question must not choose whom our answers
 * hit. But who asks whose a name is may be the one whom nobody knows by it, and must hear that.
 */
function dispatch(state: SerfState, query: Query, response: QueryResponse): void {
  if (!state.members.isAddress(query.source) && query.name !== internalQueries.conflict) return
  send(state, query.source, response)
  relay(state, query, response)
}

/** Copies by other ways, for where the direct one loses too much. In a pool that is hardly larger they would gain nothing. */
function relay(
  state: SerfState,
  { source, sourceNode, relayFactor }: Query,
  response: QueryResponse,
): void {
  const { members, config, needs } = state
  if (relayFactor === 0 || members.size < relayFactor + 1) return
  const body = encodeSerfMessage({
    kind: 'relay',
    to: source,
    toNode: sourceNode,
    body: encodeSerfMessage(response),
  })
  if (body.length > config.responseBytesMax) return
  const able = [...members.all()].filter(
    ({ name, status, versions, address }) =>
      status === 'alive' &&
      name !== members.own.name &&
      versions.protocol[1] >= relayProtocolMin &&
      (address.host !== source.host || address.port !== source.port),
  )
  for (const { address } of shuffled(able, needs.chance).slice(0, relayFactor))
    swim(state, { kind: 'sendUser', to: address, body, reliable: false })
}
