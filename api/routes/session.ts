import { Type } from 'typebox'

import { parseDuration } from '../../server/model/duration.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodeJson, encodePlainJson } from '../../server/model/json.ts'
import type { SessionRequest } from '../../server/model/methods.ts'
import { Session as SessionSchema } from '../../server/model/session.ts'
import { checkId, struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeParsed, parseBody } from '../plugins/decode.ts'
import { readIndexed } from '../plugins/discovery.ts'
import { readOptions, refuseNamespace, writeOptions } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { reading, restOfPath, writing } from '../schemas.ts'

const decodeFailed = 'Request decode failed: '

/** Sessions: what locks and ephemeral keys hang on. */
export function sessionRoutes(app: App, ports: ApiPorts): void {
  const { rpc, agent } = ports

  app.put<Asked>('/v1/session/create', { schema: createSchema }, async (request, reply) => {
    refuseNamespace(request)
    const body = await readBody(request.raw)
    const parsed = body.length === 0 ? {} : parseBody(body, decodeFailed)
    const decoded = decodeParsed(sessionStruct, parsed, decodeFailed) as GivenSession | undefined
    const given = { ...decoded, ...nullChecks(parsed) }
    const Session = toSession(given, agent.nodeName)
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
    const options = readOptions(request)
    const args = { SessionID: requireName(request, 'Missing session') }
    const { value, headers } = await readIndexed(ports, options, 'Session.Get', args)
    reply.rows(value, encodePlainJson, headers)
  })

  app.get<Asked>('/v1/session/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = readOptions(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readIndexed(ports, options, 'Session.NodeSessions', args)
    reply.rows(value, encodePlainJson, headers)
  })

  app.get<Asked>('/v1/session/list', { schema: listSchema }, async (request, reply) => {
    refuseNamespace(request)
    const { value, headers } = await readIndexed(ports, readOptions(request), 'Session.List', {})
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
  readonly ServiceChecks?: readonly { readonly ID?: string; readonly Namespace?: string }[]
}

function toSession(given: GivenSession, nodeName: string): SessionRequest {
  const { LockDelay, ServiceChecks, ...others } = given
  return {
    ...others,
    Node: given.Node ?? nodeName,
    ...(LockDelay === undefined ? {} : { LockDelayMs: lockDelayMs(LockDelay) }),
    ...(ServiceChecks
      ? { ServiceChecks: ServiceChecks.map(({ ID = '', Namespace = '' }) => ({ ID, Namespace })) }
      : {}),
  }
}

/** Only here is null not the same as absent: an absent list of checks has a default, which null puts out of force. */
function nullChecks(parsed: unknown): { Checks?: readonly string[]; NodeChecks?: null } {
  if (typeof parsed !== 'object' || parsed === null) return {}
  const isNull = (wanted: string): boolean =>
    Object.entries(parsed).some(([name, value]) => value === null && name.toLowerCase() === wanted)
  return {
    ...(isNull('checks') ? { Checks: [] } : {}),
    ...(isNull('nodechecks') ? { NodeChecks: null } : {}),
  }
}

/** A duration, or a number: of seconds where it is below a thousand, else of nanoseconds. Anything else is no delay. */
function lockDelayMs(given: unknown): number {
  if (typeof given === 'number') return nanoseconds(Math.trunc(given))
  if (typeof given !== 'string') return 0
  const delay = parseDuration(given)
  if (!delay.ok) throw new PraetorError('bad-request', decodeFailed + delay.error)
  return nanoseconds(delay.ms * 1e6)
}

const nanoseconds = (value: number): number => (value < 1000 ? value * 1000 : value / 1e6)

const id = restOfPath('The id of the session.')
const response = { 200: Type.Array(SessionSchema) }

const createSchema = {
  summary: 'Make a session',
  querystring: writing({}),
  requestBody: { json: sessionStruct },
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
