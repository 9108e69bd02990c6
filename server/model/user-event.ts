import { narrow } from './unsigned.ts'
import type { Unsigned64 } from './unsigned.ts'

/**
 * An event that a user fired, as `/v1/event/list` prints it. It reaches the agents that its filters hold for: regular expressions of
 * Go's, not anchored, over the node's name, the id of one of its services, and a tag of that one.
 */
export interface UserEvent {
  readonly ID: string
  readonly Name: string
  /** Null where there is none. */
  readonly Payload: Uint8Array | null
  readonly NodeFilter: string
  readonly ServiceFilter: string
  readonly TagFilter: string
  readonly Version: number
  /** The Lamport time at which it was fired; 0 in the answer to whoever fires it. */
  readonly LTime: number
}

/** What somebody asks to be fired. */
export type EventRequest = Pick<
  UserEvent,
  'Name' | 'Payload' | 'NodeFilter' | 'ServiceFilter' | 'TagFilter'
>

/** The newest version of events that is understood; agents skip newer ones. */
export const userEventVersion = 1

/**
 * What a list of events stands at: a number of 64 bits made of the id of its last event, so it goes up and down. A list without any
 * stands at 1, as does one whose last event has an id that nobody of ours gave.
 */
export function eventIndex(events: readonly UserEvent[]): Unsigned64 {
  const id = events.at(-1)?.ID.replaceAll('-', '') ?? ''
  if (!/^[0-9a-f]{32}$/i.test(id)) return 1
  return narrow(BigInt(`0x${id.slice(0, 16)}`) ^ BigInt(`0x${id.slice(16)}`))
}
