import { autopilotCommands } from './autopilot.ts'
import { catalogCommands } from './catalog.ts'
import { coordinateCommands } from './coordinates.ts'
import { kvCommands } from './kv.ts'
import { sessionCommands } from './session.ts'
import { txnCommands } from './txn.ts'

/** Every replicated command: ONE row each, in the file of its family. Rows say what command.ts asks of them. */
export const commands = {
  ...kvCommands,
  ...sessionCommands,
  ...txnCommands,
  ...catalogCommands,
  ...autopilotCommands,
  ...coordinateCommands,
} as const

export type CommandName = keyof typeof commands
export type CommandArgs<C extends CommandName> = Parameters<(typeof commands)[C]['apply']>[2]
export type CommandResult<C extends CommandName> = ReturnType<(typeof commands)[C]['apply']>
