import { Type } from 'typebox'

import type {
  AutopilotConfig,
  AutopilotConfigRow,
  AutopilotServer,
  AutopilotState,
} from '../../server/model/autopilot.ts'
import { formatDuration } from '../../server/model/duration.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodeJson } from '../../server/model/json.ts'
import { parseUnsigned64, type Unsigned64 } from '../../server/model/unsigned.ts'
import { indexes, struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeParsed, parseBody } from '../plugins/decode.ts'
import { readOptions, refuseOtherDatacenter, writeOptions } from '../plugins/query.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { optional, writing } from '../schemas.ts'

/** How the servers are, and by what settings they are looked after. */
export function operatorAutopilotRoutes(
  app: App,
  { agent, rpc, operator }: ApiPorts,
  settings: ApiSettings,
): void {
  const state = (request: Request): Promise<AutopilotState> => {
    readOptions(request)
    refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
    return operator.autopilotState()
  }

  app.get<Asked>(
    '/v1/operator/autopilot/configuration',
    { schema: configurationSchema },
    async (request, reply) => {
      const options = readOptions(request)
      const { value } = await rpc.read('Operator.AutopilotGetConfiguration', {}, options)
      reply.json(printConfig(value))
    },
  )

  app.put<Asked>(
    '/v1/operator/autopilot/configuration',
    { schema: configureSchema },
    async (request, reply) => {
      const prefix = 'Bad request: Error parsing autopilot config: '
      const parsed = parseBody(await readBody(request.raw), prefix)
      refuseNoDurations(parsed, prefix)
      const Config = toConfig(decodeParsed(configStruct, parsed, prefix) ?? {})
      const args = { Config, ...atIndex(request) }
      const method = 'Operator.AutopilotSetConfiguration'
      reply.json(await rpc.write(method, args, writeOptions(request)))
    },
  )

  app.get<Asked>(
    '/v1/operator/autopilot/health',
    { schema: healthSchema },
    async (request, reply) => {
      const { Healthy, FailureTolerance, Servers } = await state(request)
      const body = { Healthy, FailureTolerance, Servers: Servers.map(printHealth) }
      if (Healthy) return reply.json(body)
      // Consul has sent its head by the time it knows that the body is JSON.
      const pretty = settings.pretty || request.query.has('pretty')
      reply.typed('text/plain; charset=utf-8', encodeJson(body, { pretty }), [], 429)
    },
  )

  app.get<Asked>('/v1/operator/autopilot/state', { schema: stateSchema }, async (request, reply) =>
    reply.json(printState(await state(request))),
  )
}

interface GivenConfig extends Partial<
  Omit<AutopilotConfig, 'LastContactThresholdMs' | 'ServerStabilizationTimeMs'>
> {
  readonly LastContactThreshold?: number
  readonly ServerStabilizationTime?: number
}

/** What is not given is zero: the settings are replaced, not changed. */
function toConfig(given: GivenConfig): AutopilotConfig {
  return {
    CleanupDeadServers: given.CleanupDeadServers ?? false,
    LastContactThresholdMs: given.LastContactThreshold ?? 0,
    MaxTrailingLogs: clamp(given.MaxTrailingLogs),
    MinQuorum: clamp(given.MinQuorum),
    ServerStabilizationTimeMs: given.ServerStabilizationTime ?? 0,
    RedundancyZoneTag: given.RedundancyZoneTag ?? '',
    DisableUpgradeMigration: given.DisableUpgradeMigration ?? false,
    UpgradeVersionTag: given.UpgradeVersionTag ?? '',
  }
}

/** Here Consul takes neither what is no duration for one that is not given, as elsewhere, nor words it as JSON's mistake. */
function refuseNoDurations(parsed: unknown, prefix: string): void {
  for (const [name, value] of Object.entries(parsed ?? {}))
    if (
      /^(LastContactThreshold|ServerStabilizationTime)$/i.test(name) &&
      !['string', 'number', 'bigint'].includes(typeof value) &&
      value !== null
    )
      throw new PraetorError(
        'bad-request',
        `${prefix}strconv.ParseFloat: parsing ${JSON.stringify(encodeJson(value))}: invalid syntax`,
      )
}

/** More than that is as good as without end. */
function clamp(given: Unsigned64 = 0): number {
  return Math.min(Number(given), Number.MAX_SAFE_INTEGER)
}

function atIndex({ query }: Request): { readonly AtIndex?: number } {
  if (!query.has('cas')) return {}
  const cas = parseUnsigned64(query.get('cas'))
  if (!cas.ok)
    throw new PraetorError('bad-request', `Bad request: Error parsing cas value: ${cas.error}`)
  return { AtIndex: Number(cas.value) }
}

function printConfig(row: AutopilotConfigRow): object {
  const { LastContactThresholdMs, ServerStabilizationTimeMs } = row
  return {
    CleanupDeadServers: row.CleanupDeadServers,
    LastContactThreshold: formatDuration(LastContactThresholdMs),
    MaxTrailingLogs: row.MaxTrailingLogs,
    MinQuorum: row.MinQuorum,
    ServerStabilizationTime: formatDuration(ServerStabilizationTimeMs),
    RedundancyZoneTag: row.RedundancyZoneTag,
    DisableUpgradeMigration: row.DisableUpgradeMigration,
    UpgradeVersionTag: row.UpgradeVersionTag,
    CreateIndex: row.CreateIndex,
    ModifyIndex: row.ModifyIndex,
  }
}

function printHealth(server: AutopilotServer): object {
  const { ID, Name, Address, NodeStatus, Version, Status } = server
  return {
    ID,
    Name,
    Address,
    SerfStatus: NodeStatus,
    Version,
    Leader: Status === 'leader',
    LastContact: printContact(server),
    LastTerm: server.LastTerm,
    LastIndex: server.LastIndex,
    Healthy: server.Healthy,
    Voter: Status !== 'non-voter',
    StableSince: printTime(server.StableSinceMs),
  }
}

/** The shape of Consul 1.9 and later. Without Enterprise's zones nothing is more to be hoped for than what is so. */
function printState(state: AutopilotState): object {
  return {
    Healthy: state.Healthy,
    FailureTolerance: state.FailureTolerance,
    OptimisticFailureTolerance: state.FailureTolerance,
    Servers: Object.fromEntries(state.Servers.map((server) => [server.ID, printServer(server)])),
    Leader: state.Leader,
    Voters: state.Voters,
  }
}

function printServer(server: AutopilotServer): object {
  const { ID, Name, Address, NodeStatus, Version } = server
  return {
    ID,
    Name,
    Address,
    NodeStatus,
    Version,
    LastContact: printContact(server),
    LastTerm: server.LastTerm,
    LastIndex: server.LastIndex,
    Healthy: server.Healthy,
    StableSince: printTime(server.StableSinceMs),
    ReadReplica: false,
    Status: server.Status,
    Meta: server.Meta,
    NodeType: 'voter',
  }
}

/** One nanosecond before now is Consul's way to say never. */
function printContact({ LastContactMs }: AutopilotServer): string {
  return LastContactMs < 0 ? '-1ns' : formatDuration(LastContactMs)
}

function printTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -5)}Z`
}

const configStruct = struct('api.AutopilotConfiguration', {
  CleanupDeadServers: 'bool',
  LastContactThreshold: 'duration',
  MaxTrailingLogs: 'unsigned',
  MinQuorum: { named: 'uint', as: 'unsigned' },
  ServerStabilizationTime: 'duration',
  RedundancyZoneTag: 'string',
  DisableUpgradeMigration: 'bool',
  UpgradeVersionTag: 'string',
  ...indexes,
})

const querystring = Type.Object({ dc: optional('The data centre.') })
const duration = Type.String({ description: 'Such as 200ms.' })

const configurationSchema = {
  summary: 'By what settings servers are looked after',
  querystring: Type.Object({
    dc: optional('The data centre.'),
    stale: optional('From any server.'),
  }),
  response: {
    200: Type.Object({
      CleanupDeadServers: Type.Boolean(),
      LastContactThreshold: duration,
      MaxTrailingLogs: Type.Integer(),
      MinQuorum: Type.Integer(),
      ServerStabilizationTime: duration,
      RedundancyZoneTag: Type.String(),
      DisableUpgradeMigration: Type.Boolean(),
      UpgradeVersionTag: Type.String(),
      CreateIndex: Type.Integer(),
      ModifyIndex: Type.Integer(),
    }),
  },
}
const configureSchema = {
  summary: 'Replace the settings by which servers are looked after',
  querystring: writing({ cas: optional('Only if the ModifyIndex of the settings is this one.') }),
  requestBody: { json: configStruct },
  response: { 200: Type.Boolean() },
}

const health = {
  ID: Type.String(),
  Name: Type.String(),
  Address: Type.String(),
  Version: Type.String(),
  LastContact: duration,
  LastTerm: Type.Integer(),
  LastIndex: Type.Integer(),
  Healthy: Type.Boolean(),
  StableSince: Type.String({ format: 'date-time' }),
}
const answer = Type.Object({
  Healthy: Type.Boolean(),
  FailureTolerance: Type.Integer(),
  Servers: Type.Array(
    Type.Object({
      ...health,
      SerfStatus: Type.String(),
      Leader: Type.Boolean(),
      Voter: Type.Boolean(),
    }),
  ),
})
const healthSchema = {
  summary: 'How the servers are; 429 when one is not well',
  querystring,
  response: { 200: answer, 429: answer },
}
const stateSchema = {
  summary: 'What is made of how the servers are',
  querystring,
  response: {
    200: Type.Object({
      Healthy: Type.Boolean(),
      FailureTolerance: Type.Integer(),
      OptimisticFailureTolerance: Type.Integer(),
      Servers: Type.Record(
        Type.String(),
        Type.Object({
          ...health,
          NodeStatus: Type.String(),
          ReadReplica: Type.Boolean(),
          Status: Type.String(),
          Meta: Type.Record(Type.String(), Type.String()),
          NodeType: Type.String(),
        }),
      ),
      Leader: Type.String(),
      Voters: Type.Array(Type.String()),
    }),
  },
}
