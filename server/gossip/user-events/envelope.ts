import type { UserEvent } from '../../model/user-event.ts'
import { decodeMsgpackPrefix, encodeMsgpack, MalformedMsgpack } from '../../wire/msgpack.ts'

/** What marks an event of Serf's as one that a user of Consul fired, before its name. */
const namePrefix = 'consul:event:'

/** How Serf carries a user's event. The time is Serf's own. */
export interface Envelope {
  readonly name: string
  readonly payload: Uint8Array
}

/** What is empty is left out, for an event must be short. Unlike all else in gossip this is the msgpack of today, as Consul's is. */
export function seal(event: Omit<UserEvent, 'LTime'>): Envelope {
  const { ID, Name, Payload, NodeFilter, ServiceFilter, TagFilter, Version } = event
  const fields = {
    ID,
    n: Name,
    nf: said(NodeFilter),
    p: Payload === null || Payload.length === 0 ? undefined : Payload,
    sf: said(ServiceFilter),
    tf: said(TagFilter),
    v: Version,
  }
  return { name: nameInSerf(Name), payload: encodeMsgpack(fields) }
}

/** The name that Serf's event has. */
export function nameInSerf(name: string): string {
  return namePrefix + name
}

function said(text: string): string | undefined {
  return text === '' ? undefined : text
}

/** The event in it; undefined where it is not a user's, or can't be read. */
export function open({ name, payload }: Envelope, LTime: number): UserEvent | undefined {
  if (!name.startsWith(namePrefix)) return undefined
  const fields = fieldsIn(payload)
  if (fields === undefined) return undefined
  const { ID, n, nf, p, sf, tf, v = 0 } = fields
  const texts = [ID, n, nf, sf, tf].map(textOf)
  if (!texts.every((text) => text !== undefined) || typeof v !== 'number') return undefined
  const [id = '', eventName = '', NodeFilter = '', ServiceFilter = '', TagFilter = ''] = texts
  const Payload = bytesOf(p)
  if (Payload === undefined) return undefined
  return {
    ID: id,
    Name: eventName,
    Payload,
    NodeFilter,
    ServiceFilter,
    TagFilter,
    Version: v,
    LTime,
  }
}

function fieldsIn(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const { value } = decodeMsgpackPrefix(payload, 0, { exactRaw: true })
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return value instanceof Uint8Array ? undefined : (value as Readonly<Record<string, unknown>>)
  } catch (error) {
    if (error instanceof MalformedMsgpack) return undefined
    throw error
  }
}

/** A field that isn't there is empty. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return ''
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return typeof value === 'string' ? value : undefined
}

/** In the old msgpack text and bytes look alike. None at all is null, as Go has it. */
function bytesOf(value: unknown): Uint8Array | null | undefined {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value)) : undefined
}
