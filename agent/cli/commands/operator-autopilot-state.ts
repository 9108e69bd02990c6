import { PraetorError } from '../../../server/model/errors.ts'
import { encodeJson } from '../../../server/model/json.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const operatorAutopilotStateCommand: Command = {
  about: `Usage: praetor operator autopilot state [options]

  Prints how the servers are: which of them are healthy, and how many may fail.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [{ name: 'format', kind: 'string', doc: 'How: `pretty|json`.', initial: 'pretty' }],
    },
  ],
  async run(flags, io) {
    const format = flags.value('format') ?? 'pretty'
    if (format !== 'pretty' && format !== 'json')
      throw new PraetorError('bad-request', `Unknown format: ${format}`)
    const client = await connectAgent(flags, io)
    const answer = await telling(
      'Error querying Autopilot state',
      client.demand('GET', '/v1/operator/autopilot/state'),
    )
    const state = jsonOf(answer) as State
    io.out(`${format === 'json' ? encodeJson(state, { pretty: true }).trimEnd() : print(state)}\n`)
    return 0
  },
}

/** As Consul's API has it (api/routes/operator-autopilot.ts). */
interface State {
  readonly Healthy: boolean
  readonly FailureTolerance: number
  readonly OptimisticFailureTolerance: number
  readonly Leader: string
  readonly Voters: readonly string[]
  readonly Servers: Readonly<Record<string, Server>>
}

interface Server extends Readonly<Record<string, unknown>> {
  readonly ID: string
  readonly Meta: Readonly<Record<string, string>>
}

function print(state: State): string {
  return [
    ...pairs('', 30, [
      ['Healthy', state.Healthy],
      ['Failure Tolerance', state.FailureTolerance],
      ['Optimistic Failure Tolerance', state.OptimisticFailureTolerance],
      ['Leader', state.Leader],
    ]),
    'Voters:',
    ...state.Voters.map((id) => `   ${id}`),
    'Servers:',
    ...Object.values(state.Servers)
      .toSorted((a, b) => (a.ID < b.ID ? -1 : 1))
      .flatMap(printServer),
    '',
  ].join('\n')
}

function printServer(server: Server): string[] {
  const meta = Object.entries(server.Meta).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [
    `   ${server.ID}`,
    ...pairs('      ', 17, [
      ['Name', server['Name']],
      ['Address', server['Address']],
      ['Version', server['Version']],
      ['Status', server['Status']],
      ['Node Type', server['NodeType']],
      ['Node Status', server['NodeStatus']],
      ['Healthy', server['Healthy']],
      ['Last Contact', server['LastContact']],
      ['Last Term', server['LastTerm']],
      ['Last Index', server['LastIndex']],
    ]),
    ...(meta.length === 0 ? [] : ['      Meta']),
    ...meta.map(([name, value]) => `         ${JSON.stringify(name)}: ${JSON.stringify(value)}`),
  ]
}

function pairs(
  indent: string,
  columns: number,
  rows: readonly (readonly [string, unknown])[],
): string[] {
  return rows.map(([name, value]) => `${indent}${`${name}:`.padEnd(columns)}${String(value)}`)
}
