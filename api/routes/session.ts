import { Type } from 'typebox'

import { serfCheckId } from '../../server/model/check.ts'
import { parseDuration } from '../../server/model/duration.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodeJson, encodePlainJson } from '../../server/model/json.ts'
import type { SessionRequest } from '../../server/model/methods.ts'
import { Session as SessionSchema } from '../../server/model/session.ts'
import { checkId, struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeBody } from '../plugins/decode.ts'
import { readIndexed } from '../plugins/discovery.ts'
import { readOptions, refuseNamespace, writeOptions } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { reading, restOfPath, writing } from '../schemas.ts'

/** Sessions: what locks and ephemeral keys hang on. */
export function sessionRoutes(app: App, ports: ApiPorts): void {
  const { rpc, agent } = ports

  app.put<Asked>('/v1/session/create', { schema: createSchema }, async (request, reply) => {
    refuseNamespace(request)
    const body = await readBody(request.raw)
    const given =
      body.length === 0 ? {} : decodeBody(sessionStruct, body, 'Request decode failed: ')
    const Session = toSession(given ?? {}, agent.nodeName)
    const ID = await rpc.write('Session.Apply', { Op: 'create', Session }, writeOptions(request))
    reply.encoded(encodePlainJson({ ID }))
  })

  app.put<Asked>('/v1/session/destroy/*', { schema: destroySchema }, async (request, reply) => {
    refuseNamespace(request)
    const ID = requireName(request, 'Missing session')
    await rpc.write('Session.Apply', { Op: 'destroy', Session: { ID } }, writeOptions(request))
    reply.encoded('true')
  })

  app.put<Asked>('/v1/session/renew/*', { schema: renewSchema }, async (request, reply) => {
    refuseNamespace(request)
    readOptions(request)
    const SessionID = requireName(request, 'Missing session')
    const session = await rpc.write('Session.Renew', { SessionID }, writeOptions(request))
    if (!session) throw new PraetorError('not-found', `Session id '${SessionID}' not found`)
    reply.encoded(encodeJson([session]))
  })

  app.get<Asked>('/v1/session/info/*', { schema: infoSchema }, async (request, reply) => {
    refuseNamespace(request)
    readOptions(request)
    const args = { SessionID: requireName(request, 'Missing session') }
    const { value, headers } = await readIndexed(ports, request, 'Session.Get', args)
    reply.rows(value, encodePlainJson, headers)
  })

  app.get<Asked>('/v1/session/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    readOptions(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readIndexed(ports, request, 'Session.NodeSessions', args)
    reply.rows(value, encodePlainJson, headers)
  })

  app.get<Asked>('/v1/session/list', { schema: listSchema }, async (request, reply) => {
    refuseNamespace(request)
    const { value, headers } = await readIndexed(ports, request, 'Session.List', {})
    reply.rows(value, encodePlainJson, headers)
  })
}

const sessionStruct = struct(
  'structs.Session',
  {
    ID: 'string',
    Name: 'string',
    Node: 'string',
    LockDelay: 'any',
    Behavior: { named: 'structs.SessionBehavior', as: 'string' },
    TTL: 'string',
    Checks: { list: checkId },
    NodeChecks: { list: checkId },
    ServiceChecks: { list: struct('structs.ServiceCheck', { ID: 'string', Namespace: 'string' }) },
  },
  { open: true },
)

interface GivenSession extends Omit<SessionRequest, 'LockDelayMs' | 'ServiceChecks' | 'Node'> {
  readonly Node?: string
  readonly LockDelay?: unknown
  readonly Checks?: readonly string[]
  readonly ServiceChecks?: readonly { readonly ID?: string; readonly Namespace?: string }[]
}

function toSession(given: GivenSession, nodeName: string): SessionRequest {
  const { LockDelay, Checks, NodeChecks, ServiceChecks, ...others } = given
  const checks = nodeChecks(Checks, NodeChecks)
  return {
    ...others,
    Node: given.Node ?? nodeName,
    ...(LockDelay === undefined ? {} : { LockDelayMs: lockDelayMs(LockDelay) }),
    ...(checks ? { NodeChecks: checks } : {}),
    ...(ServiceChecks
      ? { ServiceChecks: ServiceChecks.map(({ ID = '', Namespace = '' }) => ({ ID, Namespace })) }
      : {}),
  }
}

/**
 * `Checks` is the older name of `NodeChecks`, and clients use both. An empty list under either name means none at all; otherwise
 * what is named under the older one counts besides the node's own health.
 */
function nodeChecks(
  older: readonly string[] | undefined,
  newer: readonly string[] | undefined,
): readonly string[] | undefined {
  if (older?.length === 0 || newer?.length === 0) return []
  if (!older) return newer
  return [...new Set([...(newer ?? [serfCheckId]), ...older])]
}

/** A duration, or a number: of seconds where it is below a thousand, else of nanoseconds. Anything else is no delay. */
function lockDelayMs(given: unknown): number {
  if (typeof given === 'number') return nanoseconds(Math.trunc(given))
  if (typeof given !== 'string') return 0
  const delay = parseDuration(given)
  if (!delay.ok) throw new PraetorError('bad-request', `Request decode failed: ${delay.error}`)
  return nanoseconds(delay.ms * 1e6)
}

const nanoseconds = (value: number): number => (value < 1000 ? value * 1000 : value / 1e6)

const id = restOfPath('The id of the session.')
const response = { 200: Type.Array(SessionSchema) }

const createSchema = {
  summary: 'Make a session',
  querystring: writing({}),
  response: { 200: Type.Object({ ID: Type.String() }) },
}
const destroySchema = {
  summary: 'End a session',
  params: id,
  querystring: writing({}),
  response: { 200: Type.Boolean() },
}
const renewSchema = { summary: 'Prolong a session', params: id, querystring: writing({}), response }
const infoSchema = { summary: 'A session', params: id, querystring: reading({}), response }
const nodeSchema = {
  summary: 'The sessions of a node',
  params: restOfPath('The name of the node.'),
  querystring: reading({}),
  response,
}
const listSchema = { summary: 'All sessions', querystring: reading({}), response }
