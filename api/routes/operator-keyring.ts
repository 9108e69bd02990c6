import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { relayFactorMax } from '../../server/model/keyring.ts'
import type { KeyVerb, PoolKeyring } from '../../server/model/keyring.ts'
import { struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { parseBool } from '../plugins/boolean.ts'
import { decodeBody } from '../plugins/decode.ts'
import { writeOptions } from '../plugins/query.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { nothing, optional, writing } from '../schemas.ts'

/** The keys that gossip is encrypted with. */
export function operatorKeyringRoutes(app: App, { gossip }: ApiPorts): void {
  const operate = async (request: Request, verb: KeyVerb): Promise<readonly PoolKeyring[]> => {
    const key = verb === 'list' ? '' : await keyIn(request)
    const relayFactor = relayFactorOf(request)
    const localOnly = localOnlyOf(request, verb)
    const { token } = writeOptions(request)
    const answers = await gossip.keyring.operate({ verb, key, relayFactor, localOnly, token })
    refuseFailures(answers)
    return answers
  }

  app.get<Asked>('/v1/operator/keyring', { schema: listSchema }, async (request, reply) =>
    reply.json((await operate(request, 'list')).map(print)),
  )
  for (const [method, verb] of [
    ['POST', 'install'],
    ['PUT', 'use'],
    ['DELETE', 'remove'],
  ] as const)
    app.route<Asked>({
      url: '/v1/operator/keyring',
      method,
      schema: changeSchema(verb),
      async handler(request, reply) {
        await operate(request, verb)
        reply.empty(200)
      },
    })
}

const keyStruct = struct('keyringArgs', { Key: 'string' })

async function keyIn(request: Request): Promise<string> {
  const prefix = 'Bad request: Request decode failed: '
  const given = decodeBody(keyStruct, await readBody(request.raw), prefix)
  return (given as { readonly Key?: string } | undefined)?.Key ?? ''
}

function relayFactorOf({ query }: Request): number {
  const text = query.get('relay-factor')
  if (text === '') return 0
  if (!/^[+-]?\d+$/.test(text))
    throw new PraetorError(
      'bad-request',
      `Bad request: Error parsing relay factor: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  const factor = Number(text)
  if (factor >= 0 && factor <= relayFactorMax) return factor
  const range = `Relay factor must be in range: [0, ${relayFactorMax}]`
  throw new PraetorError('bad-request', `Bad request: Invalid relay-factor: ${range}`)
}

function localOnlyOf({ query }: Request, verb: KeyVerb): boolean {
  const text = query.get('local-only')
  if (text === '') return false
  const localOnly = parseBool(text)
  if (localOnly === undefined)
    throw new PraetorError(
      'bad-request',
      `Bad request: Error parsing local-only: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  if (localOnly && verb !== 'list')
    throw new PraetorError(
      'bad-request',
      'Bad request: Invalid use of local-only: local-only can only be set for list requests',
    )
  return localOnly
}

/** As hashicorp/go-multierror writes it: what went wrong in each pool, and what its members said of it. */
function refuseFailures(answers: readonly PoolKeyring[]): void {
  const lines = answers.flatMap(failures)
  if (lines.length === 0) return
  const count = lines.length === 1 ? '1 error' : `${lines.length} errors`
  const list = lines.map((line) => `\t* ${line}\n`).join('')
  throw new PraetorError('failed', `${count} occurred:\n${list}\n`)
}

function failures(answer: PoolKeyring): readonly string[] {
  if (answer.Error === '') return []
  const said = Object.entries(answer.Messages).map(([node, message]) => `${node}: ${message}`)
  return [`${poolName(answer)} error: ${answer.Error}`, ...said]
}

function poolName({ WAN, Datacenter, Segment }: PoolKeyring): string {
  const name = WAN ? 'WAN' : `${Datacenter} (LAN)`
  return Segment === '' ? name : `${name} [segment: ${Segment}]`
}

function print({ WAN, Datacenter, Segment, Messages, Keys, PrimaryKeys, NumNodes }: PoolKeyring) {
  const said = Object.keys(Messages).length > 0 ? { Messages } : {}
  return { WAN, Datacenter, Segment, ...said, Keys, PrimaryKeys, NumNodes }
}

const counts = Type.Record(Type.String(), Type.Integer())
const relayFactor = optional('Through how many others each answer is sent as well: 0 to 5.')
const listSchema = {
  summary: 'The keys that gossip is encrypted with, and how many members have each',
  querystring: writing({
    'relay-factor': relayFactor,
    'local-only': optional('Only the pools of this data centre.'),
  }),
  response: {
    200: Type.Array(
      Type.Object({
        WAN: Type.Boolean(),
        Datacenter: Type.String(),
        Segment: Type.String(),
        Messages: Type.Optional(Type.Record(Type.String(), Type.String())),
        Keys: counts,
        PrimaryKeys: counts,
        NumNodes: Type.Integer(),
      }),
    ),
  },
}

const summaries = {
  install: 'Give all members a key, to decrypt with',
  use: 'Have all members encrypt with a key that they have',
  remove: 'Take a key from all members that none of them encrypts with',
}
function changeSchema(verb: keyof typeof summaries) {
  return {
    summary: summaries[verb],
    querystring: writing({ 'relay-factor': relayFactor }),
    requestBody: { json: keyStruct },
    response: { 200: nothing },
  }
}
