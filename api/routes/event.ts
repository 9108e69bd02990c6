import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { parseUnsigned64 } from '../../server/model/unsigned.ts'
import type { Unsigned64 } from '../../server/model/unsigned.ts'
import { eventIndex } from '../../server/model/user-event.ts'
import type { UserEvent } from '../../server/model/user-event.ts'
import { readBody } from '../plugins/body.ts'
import type { Parameters } from '../plugins/parameters.ts'
import { waitOf, writeOptions } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { optional, restOfPath, writing } from '../schemas.ts'

/** Who names no time waits as long, and nobody longer: whatever the configuration says of other reads. */
const longestWaitMs = 600_000

/** User events. */
export function eventRoutes(app: App, { gossip }: ApiPorts): void {
  const { events } = gossip

  app.get<Asked>('/v1/event/list', { schema: listSchema }, async (request, reply) => {
    const waitMs = waitOf(request.query)
    const index = indexOf(request.query)
    if (index !== 0) await events.until(isNews(request, index), boundedWait(waitMs), request.signal)
    const list = named(events.recent(), request)
    reply.json(list, ['X-Consul-Index', String(eventIndex(list))])
  })

  app.put<Asked>('/v1/event/fire/*', { schema: fireSchema }, async (request, reply) => {
    const Name = requireName(request, 'Missing name')
    const { query } = request
    const event = {
      Name,
      Payload: await payloadOf(request),
      NodeFilter: query.get('node'),
      ServiceFilter: query.get('service'),
      TagFilter: query.get('tag'),
    }
    reply.json(await events.fire(event, writeOptions(request)))
  })
}

/** Only their name selects events here: their filters chose the nodes that heard of them. */
function named(events: readonly UserEvent[], { query }: Request): readonly UserEvent[] {
  const name = query.get('name')
  return name === '' ? events : events.filter(({ Name }) => Name === name)
}

/** Indexes of events go up and down, so anything but the one that the asker has is news. */
function isNews(request: Request, index: Unsigned64): (events: readonly UserEvent[]) => boolean {
  return (events) => eventIndex(named(events, request)) !== index
}

function boundedWait(waitMs: number): number {
  return waitMs > 0 ? Math.min(waitMs, longestWaitMs) : longestWaitMs
}

/** All 64 bits of it. */
function indexOf(query: Parameters): Unsigned64 {
  const text = query.get('index')
  const index = parseUnsigned64(text === '' ? '0' : text)
  if (!index.ok) throw new PraetorError('bad-request', 'Invalid index')
  return index.value
}

/** Consul reads a body only where its length is announced. */
async function payloadOf({ headers, raw }: Request): Promise<Uint8Array | null> {
  const isAnnounced = Number(headers['content-length'] ?? 0) > 0
  return isAnnounced ? new Uint8Array(await readBody(raw)) : null
}

const event = Type.Object({
  ID: Type.String(),
  Name: Type.String(),
  Payload: Type.Union([Type.String({ description: 'In base64.' }), Type.Null()]),
  NodeFilter: Type.String(),
  ServiceFilter: Type.String(),
  TagFilter: Type.String(),
  Version: Type.Integer(),
  LTime: Type.Integer(),
})
const listSchema = {
  summary: 'The events this node has heard of',
  querystring: Type.Object({
    name: optional('Only events of this name.'),
    index: optional('Answer when the index is another than this one.'),
    wait: optional('How long to wait for that, such as 30s.'),
  }),
  response: { 200: Type.Array(event) },
}
const fireSchema = {
  summary: 'Fire an event, with the body as its payload',
  params: restOfPath('The name of the event.'),
  querystring: writing({
    node: optional('Only for nodes whose name matches this regular expression.'),
    service: optional('Only for nodes with a service whose id matches.'),
    tag: optional('Only where that service has a tag that matches.'),
  }),
  response: { 200: event },
}
