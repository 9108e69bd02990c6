import { Refused } from '../wire/refusal.ts'
import { decodeSerfMessage } from '../wire/serf-codec.ts'
import type { Relay, SerfMessage } from '../wire/serf-messages.ts'
import { heedResponse } from './asked-queries.ts'
import { heedJoin, heedLeave } from './intent-rules.ts'
import { heedQuery } from './open-queries.ts'
import { broadcast, broadcastIntent, count, sample, swim } from './state.ts'
import type { SerfState } from './state.ts'
import { heedEvent } from './user-events.ts'

/** A user message of memberlist's: gossip, or an answer that was sent to us. */
export function receive(state: SerfState, body: Uint8Array): void {
  sample(state, 'serf.msgs.received', body.length)
  const message = decoded(body)
  if (message === undefined) count(state, 'serf.msgs.refused')
  else heed(state, message, body)
}

/** Takes the message in, and passes on what is news: the very bytes, so that what newer members put into them is kept. */
export function heed(state: SerfState, message: SerfMessage, body: Uint8Array): void {
  switch (message.kind) {
    case 'leave':
      if (heedLeave(state, message)) broadcastIntent(state, message.node, body)
      return
    case 'join':
      if (heedJoin(state, message)) broadcastIntent(state, message.node, body)
      return
    case 'userEvent':
      if (heedEvent(state, message)) broadcast(state, 'event', body)
      return
    case 'query':
      if (heedQuery(state, message)) broadcast(state, 'query', body)
      return
    case 'queryResponse':
      return heedResponse(state, message)
    case 'relay':
      return handOn(state, message)
    default:
      // States come by push/pull, and the rest inside of queries and their answers.
      return count(state, 'serf.msgs.refused')
  }
}

/** Only answers, and only to members: whoever sends us something else wants us to send it to somebody whom it must not reach. */
function handOn(state: SerfState, { to, body }: Relay): void {
  if (!state.members.isAddress(to) || decoded(body)?.kind !== 'queryResponse')
    return count(state, 'serf.msgs.refused')
  swim(state, { kind: 'sendUser', to, body, reliable: false })
}

function decoded(body: Uint8Array): SerfMessage | undefined {
  try {
    return decodeSerfMessage(body)
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
