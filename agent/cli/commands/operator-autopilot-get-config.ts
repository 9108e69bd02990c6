import { jsonOf } from '../../answer.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const operatorAutopilotGetConfigCommand: Command = {
  about: `Usage: praetor operator autopilot get-config [options]

  Prints the settings by which servers are looked after.`,
  flags: [{ title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] }],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const answer = await telling(
      'Error querying Autopilot configuration',
      client.read('/v1/operator/autopilot/configuration'),
    )
    const settings = jsonOf(answer) as Readonly<Record<string, string | number | boolean>>
    for (const name of names)
      io.out(`${name} = ${quoted.has(name) ? JSON.stringify(settings[name]) : settings[name]}\n`)
    return 0
  },
}

/** In the order that Consul prints them. */
const names = [
  'CleanupDeadServers',
  'LastContactThreshold',
  'MaxTrailingLogs',
  'MinQuorum',
  'ServerStabilizationTime',
  'RedundancyZoneTag',
  'DisableUpgradeMigration',
  'UpgradeVersionTag',
]
const quoted: ReadonlySet<string> = new Set(['RedundancyZoneTag', 'UpgradeVersionTag'])
