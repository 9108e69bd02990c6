import type { Command, Group } from './command.ts'
import { agentCommand } from './commands/agent.ts'
import { versionCommand } from './commands/version.ts'

/** Every command: ONE row each. Groups only name what their subcommands have in common. */
export const commands: readonly Command[] = [agentCommand, versionCommand]

export const groups: readonly Group[] = []
