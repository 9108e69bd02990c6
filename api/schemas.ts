import { Type } from 'typebox'

/**
 * Schemas say in /v1/openapi.json what routes take and give. They are not executed: Consul's rules for what it accepts, and its
 * words for what it doesn't, are not JSON Schema's.
 */
const text = (description: string) => Type.Optional(Type.String({ description }))

const common = {
  dc: text('The data centre to ask; this one by default.'),
  token: text('The access token, if not in a header.'),
  pretty: text('Indent the JSON.'),
}

/** The parameters of a read that may block, beside its own. */
export function reading<Own extends Type.TProperties>(own: Own) {
  return Type.Object({
    ...common,
    index: text('Answer when the index is above this one.'),
    wait: text('How long to wait for that, such as 30s.'),
    stale: text('Any server may answer from what it has.'),
    consistent: text('Only a leader that has made sure it is one may answer.'),
    ...own,
  })
}

/** The parameters of a write, beside its own. */
export function writing<Own extends Type.TProperties>(own: Own) {
  return Type.Object({ ...common, ...own })
}
