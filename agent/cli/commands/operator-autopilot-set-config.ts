import { encodeJson } from '../../../server/model/json.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import type { Flag } from '../flags.ts'
import { parseBool } from '../flags.ts'

const path = '/v1/operator/autopilot/configuration'

export const operatorAutopilotSetConfigCommand: Command = {
  about: `Usage: praetor operator autopilot set-config [options]

  Changes the settings by which servers are looked after; what is not given
  stays as it is:

      $ praetor operator autopilot set-config -server-stabilization-time=30s`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        setting(
          'cleanup-dead-servers',
          'bool',
          'Whether servers that failed are counted no longer, `true|false`.',
        ),
        setting(
          'last-contact-threshold',
          'duration',
          'How long a healthy server may go unheard, such as `200ms`.',
        ),
        setting(
          'max-trailing-logs',
          'uint',
          'How many entries the log of a healthy server may be behind.',
        ),
        setting(
          'min-quorum',
          'uint',
          'How many voting servers must be left when failed ones are removed.',
        ),
        setting(
          'server-stabilization-time',
          'duration',
          'How long a new server must be healthy before it votes, such as `10s`.',
        ),
        setting(
          'disable-upgrade-migration',
          'bool',
          'Kept for tools that set it, `true|false`; nothing is done by it.',
        ),
        setting(
          'redundancy-zone-tag',
          'string',
          'Kept for tools that set it; nothing is done by it.',
        ),
        setting(
          'upgrade-version-tag',
          'string',
          'Kept for tools that set it; nothing is done by it.',
        ),
      ],
    },
  ],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const current = await telling(
      'Error querying Autopilot configuration',
      client.demand('GET', path),
    )
    const before = jsonOf(current) as Settings
    const given: Record<string, unknown> = {}
    for (const [flag, { name, read }] of Object.entries(settings)) {
      const value = flags.value(flag)
      if (value !== undefined) given[name] = read(value)
    }
    const body = encodeJson({ ...before, ...given })
    // Somebody may have changed them since we read them.
    const query = { cas: String(before.ModifyIndex) }
    const answer = await telling(
      'Error setting Autopilot configuration',
      client.demand('PUT', path, { query, body }),
    )
    const done = jsonOf(answer) === true
    io.out(
      done
        ? 'Configuration updated!\n'
        : 'Configuration could not be atomically updated, please try again\n',
    )
    return done ? 0 : 1
  },
}

interface Settings extends Readonly<Record<string, unknown>> {
  readonly ModifyIndex: number
}

const asIs = (text: string): unknown => text

/** What each flag sets, and what its text stands for in JSON. */
const settings: Readonly<
  Record<string, { readonly name: string; readonly read: (text: string) => unknown }>
> = {
  'cleanup-dead-servers': { name: 'CleanupDeadServers', read: parseBool },
  'last-contact-threshold': { name: 'LastContactThreshold', read: asIs },
  'max-trailing-logs': { name: 'MaxTrailingLogs', read: BigInt },
  'min-quorum': { name: 'MinQuorum', read: BigInt },
  'server-stabilization-time': { name: 'ServerStabilizationTime', read: asIs },
  'disable-upgrade-migration': { name: 'DisableUpgradeMigration', read: parseBool },
  'redundancy-zone-tag': { name: 'RedundancyZoneTag', read: asIs },
  'upgrade-version-tag': { name: 'UpgradeVersionTag', read: asIs },
}

function setting(name: string, kind: Flag['kind'], doc: string): Flag {
  return { name, kind, optional: true, doc }
}
