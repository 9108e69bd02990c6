import { PraetorError } from '../../model/errors.ts'
import { encodeSerfMessage } from '../wire/serf-codec.ts'
import type { UserEvent } from '../wire/serf-messages.ts'
import { count, tell } from './state.ts'
import type { SerfState } from './state.ts'

/** An event of ours. It comes to us as it comes to everybody. */
export function fire(
  state: SerfState,
  { name, payload, coalesce }: Omit<UserEvent, 'kind' | 'time'>,
): void {
  const { userEventBytesMax } = state.config
  if (Buffer.byteLength(name) + payload.length > userEventBytesMax)
    throw tooLong(
      `user event exceeds configured limit of ${userEventBytesMax} bytes before encoding`,
    )
  const time = state.eventClock.next
  const message = { kind: 'userEvent', time, name, payload, coalesce } as const
  const body = encodeSerfMessage(message)
  if (body.length > userEventBytesMax)
    throw tooLong(
      `encoded user event exceeds configured limit of ${userEventBytesMax} bytes after encoding`,
    )
  state.eventClock.witness(time)
  state.toSelf.push({ message, body })
}

function tooLong(text: string): PraetorError {
  return new PraetorError('failed', text)
}

/** Tells of an event that is new, and is true then: it is to be passed on. */
export function heedEvent(state: SerfState, event: UserEvent): boolean {
  const { time, name, payload, coalesce } = event
  state.eventClock.witness(time)
  const recency = state.events.note(state.eventClock.next, time, { name, payload })
  if (recency === 'old') count(state, 'serf.msgs.old')
  if (recency !== 'new') return false
  count(state, 'serf.events')
  count(state, `serf.events.${name}`)
  tell(state, { kind: 'userEvent', time, name, payload, coalesce })
  return true
}
