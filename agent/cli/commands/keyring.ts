import { PraetorError } from '../../../server/model/errors.ts'
import { relayFactorMax } from '../../../server/model/keyring.ts'
import type { PoolKeyring } from '../../../server/model/keyring.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Method } from '../client.ts'
import type { Command } from '../command.ts'
import type { ParsedFlags } from '../flags.ts'
import { helpOf } from '../run.ts'

export const keyringCommand: Command = {
  about: `Usage: praetor keyring [options]

  Looks at the keys that gossip is encrypted with, and changes them on all
  members of the cluster while it runs. A key is replaced in four steps, each
  of which all members must have done before the next:

      $ praetor keyring -install="$(praetor keygen)"
      $ praetor keyring -use=<the new key>
      $ praetor keyring -list
      $ praetor keyring -remove=<the old key>

  Only servers can be asked. The exit code is 1 where any member failed, or
  did not answer.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'install',
          kind: 'string',
          doc: 'Gives all members this key, to decrypt with.',
        },
        { name: 'list', kind: 'bool', doc: 'Prints all keys, and how many members have each.' },
        {
          name: 'list-primary',
          kind: 'bool',
          doc: 'Prints the keys that members encrypt with, and how many use each.',
        },
        {
          name: 'local-only',
          kind: 'bool',
          doc: 'Asks only the members in this datacenter. Goes with -list alone.',
        },
        {
          name: 'relay-factor',
          kind: 'int',
          doc: 'Through how many others members send their answer as well: 0 to 5.',
        },
        {
          name: 'remove',
          kind: 'string',
          doc: 'Takes this key from all members; none may still encrypt with it.',
        },
        {
          name: 'use',
          kind: 'string',
          doc: 'Has all members encrypt with this key, which they must have.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const action = actionOf(flags)
    if (action === undefined) {
      io.err(helpOf(keyringCommand))
      return 1
    }
    const query = queryOf(flags)
    const client = await connectAgent(flags, io)
    io.out(`==> ${action.announcement}...\n`)
    const body = action.method === 'GET' ? {} : { body: JSON.stringify({ Key: action.key }) }
    try {
      const answer = await client.demand(action.method, '/v1/operator/keyring', { query, ...body })
      if (action.method !== 'GET') return 0
      for (const pool of jsonOf(answer) as readonly PoolKeyring[])
        io.out(describe(pool, action.counts(pool)))
      return 0
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      throw new PraetorError(error.kind, `error: ${error.message}`)
    }
  },
}

type Action =
  | {
      readonly method: 'GET'
      readonly announcement: string
      readonly counts: (pool: PoolKeyring) => PoolKeyring['Keys']
    }
  | {
      readonly method: Exclude<Method, 'GET'>
      readonly announcement: string
      readonly key: string
    }

const changes = [
  ['install', 'POST', 'Installing new gossip encryption key'],
  ['use', 'PUT', 'Changing primary gossip encryption key'],
  ['remove', 'DELETE', 'Removing gossip encryption key'],
] as const

const lists = [
  ['list', 'Gathering installed encryption keys', ({ Keys }: PoolKeyring) => Keys],
  [
    'list-primary',
    'Gathering installed primary encryption keys',
    ({ PrimaryKeys }: PoolKeyring) => PrimaryKeys,
  ],
] as const

/** What is to be done; undefined where nothing is. */
function actionOf(flags: ParsedFlags): Action | undefined {
  const asked: Action[] = []
  for (const [name, announcement, counts] of lists)
    if (flags.isTrue(name)) asked.push({ method: 'GET', announcement, counts })
  for (const [name, method, announcement] of changes) {
    const key = flags.value(name) ?? ''
    if (key !== '') asked.push({ method, announcement, key })
  }
  if (asked.length > 1) throw new PraetorError('bad-request', 'Only a single action is allowed')
  return asked[0]
}

function queryOf(flags: ParsedFlags): Readonly<Record<string, string>> {
  const relayFactor = Number(flags.value('relay-factor') ?? 0)
  if (relayFactor < 0 || relayFactor > relayFactorMax)
    throw new PraetorError(
      'bad-request',
      `Error parsing relay factor: Relay factor must be in range: [0, ${relayFactorMax}]`,
    )
  const localOnly = flags.isTrue('local-only')
  if (localOnly && !flags.isTrue('list'))
    throw new PraetorError(
      'bad-request',
      'Error validating local-only: local-only can only be set for list requests',
    )
  return {
    ...(relayFactor === 0 ? {} : { 'relay-factor': String(relayFactor) }),
    ...(localOnly ? { 'local-only': 'true' } : {}),
  }
}

function describe(pool: PoolKeyring, counts: PoolKeyring['Keys']): string {
  const { WAN, Datacenter, Segment, Messages = {}, NumNodes } = pool as Partial<PoolKeyring>
  const segment = Segment === '' ? '' : ` [${Segment}]`
  const lines = [
    WAN === true ? 'WAN:' : `${Datacenter} (LAN)${segment}:`,
    ...Object.entries(Messages).map(([node, message]) => `  ===> ${node}: ${message}`),
    ...Object.entries(counts).map(([key, count]) => `  ${key} [${count}/${NumNodes}]`),
  ]
  return `\n${lines.join('\n')}\n`
}
