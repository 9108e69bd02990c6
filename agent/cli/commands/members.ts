import { compilePattern } from '../../../server/filter/pattern.ts'
import { hostPort } from '../../../server/model/host-port.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import { formatColumns } from '../columns.ts'
import type { Command } from '../command.ts'
import { sortedEntries } from '../entries.ts'
import { telling } from '../errno.ts'

/** None is like that: not a mistake, but not what was hoped for either. */
const noneCode = 2

export const membersCommand: Command = {
  about: `Usage: praetor members [options]

  Prints the agents that the agent asked knows of, and how they are.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        { name: 'detailed', kind: 'bool', doc: 'Prints all the tags of each.' },
        {
          name: 'segment',
          kind: 'string',
          doc: 'Only members of this network segment; there are none but the default one.',
          initial: '_all',
        },
        {
          name: 'status',
          kind: 'string',
          doc: 'Only members whose status has a match of this regular expression.',
          initial: '.*',
        },
        { name: 'wan', kind: 'bool', doc: 'The servers of all datacenters instead.' },
      ],
    },
  ],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const query = {
      segment: flags.value('segment') ?? '_all',
      wan: flags.isTrue('wan') ? '1' : undefined,
    }
    const matches = await telling(
      'Failed to compile status regexp',
      (async () => compilePattern(flags.value('status') ?? '.*'))(),
    )
    const answer = await telling(
      'Error retrieving members',
      client.demand('GET', '/v1/agent/members', { query }),
    )
    const members = (jsonOf(answer) as readonly Member[])
      .filter((member) => matches(statusOf(member)))
      .toSorted(bySegmentAndName)
    if (members.length === 0) return noneCode
    io.out(`${formatColumns(flags.isTrue('detailed') ? detailed(members) : standard(members))}\n`)
    return 0
  },
}

interface Member {
  readonly Name: string
  readonly Addr: string
  readonly Port: number
  readonly Tags: Readonly<Record<string, string>>
  readonly Status: number
}

function standard(members: readonly Member[]): readonly (readonly string[])[] {
  const head = ['Node', 'Address', 'Status', 'Type', 'Build', 'Protocol', 'DC', 'Segment']
  return [
    head,
    ...members.map((member) => {
      const { Name, Tags } = member
      const type = types[Tags['role'] ?? ''] ?? 'unknown'
      const rest =
        type === 'unknown'
          ? ['', '', '', '']
          : [buildOf(member), Tags['vsn'] ?? '', Tags['dc'] ?? '', segmentOf(member)]
      return [Name, addressOf(member), statusOf(member), type, ...rest]
    }),
  ]
}

function detailed(members: readonly Member[]): readonly (readonly string[])[] {
  return [
    ['Node', 'Address', 'Status', 'Tags'],
    ...members.map((member) => {
      const tags = sortedEntries({ ...member.Tags, segment: segmentOf(member) }).map((tag) =>
        tag.join('='),
      )
      return [member.Name, addressOf(member), statusOf(member), tags.join(',')]
    }),
  ]
}

const types: Readonly<Record<string, string>> = { node: 'client', consul: 'server' }

const statuses = ['none', 'alive', 'leaving', 'left', 'failed'] as const

function statusOf({ Status }: Member): string {
  return statuses[Status] ?? 'none'
}

function addressOf({ Addr, Port }: Member): string {
  return hostPort(Addr, Port)
}

/** What follows the colon is a commit, which is empty in releases. */
function buildOf({ Tags }: Member): string {
  const build = Tags['build'] ?? ''
  return build === '' ? '< 0.3' : build.replace(/:.*$/, '')
}

/** Servers are in all of them. */
function segmentOf({ Tags }: Member): string {
  const segment = Tags['segment'] ?? ''
  if (segment !== '') return segment
  return Tags['role'] === 'consul' ? '<all>' : '<default>'
}

function bySegmentAndName(a: Member, b: Member): number {
  const [one, other] = [segmentOf(a), segmentOf(b)]
  if (one !== other) return one < other ? -1 : 1
  return a.Name < b.Name ? -1 : 1
}
