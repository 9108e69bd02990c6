import { Type } from 'typebox'

/**
 * Schemas say in /v1/openapi.json what routes take and give. They are not executed: Consul's rules for what it accepts, and its
 * words for what it doesn't, are not JSON Schema's.
 */
export const optional = (description: string) => Type.Optional(Type.String({ description }))

export const fence = optional(
  'Write only while a lock is held as it was when this was read: KEY:INDEX, the lock and its ModifyIndex. May be repeated.',
)

const common = {
  dc: optional('The data centre to ask; this one by default.'),
  token: optional('The access token, if not in a header.'),
  pretty: optional('Indent the JSON.'),
}

/** The parameters of a read that may block, beside its own. */
export function reading<Own extends Type.TProperties>(own: Own) {
  return Type.Object({
    ...common,
    index: optional('Answer when the index is above this one.'),
    wait: optional('How long to wait for that, such as 30s.'),
    stale: optional('Any server may answer from what it has.'),
    consistent: optional('Only a leader that has made sure it is one may answer.'),
    ...own,
  })
}

/** The parameters of a write, beside its own. */
export function writing<Own extends Type.TProperties>(own: Own) {
  return Type.Object({ ...common, ...own })
}

/** What follows the path's last slash, slashes of its own included. */
export function restOfPath(description: string) {
  return Type.Object({ '*': Type.String({ description }) })
}

/** What is only there in name: an answer without a body. */
export const nothing = Type.Null({ description: 'No body.' })
