import { assert } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Store } from '../state/store.ts'
import { decodeMsgpack, encodeMsgpack } from '../wire/msgpack.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import type { CommandArgs, CommandName, CommandResult } from './commands.ts'

/** A command as a log entry's payload: its number in one byte, then its args. */
export function encodeCommand<C extends CommandName>(name: C, args: CommandArgs<C>): Uint8Array {
  const { number, codec } = commands[name] as unknown as AnyCommand
  const payload = codec ? codec.encode(args) : withHead(encodeMsgpack(args))
  payload[0] = number
  return payload
}

/**
 * Carries one log entry out: the command's result, or the PraetorError with which it refused. Anything else that is thrown, an
 * unknown command above all, says that this server can't follow the log, and it must stop before it answers from a wrong state.
 */
export function applyEntry(
  store: Store,
  index: number,
  payload: Uint8Array,
): CommandResult<CommandName> | PraetorError {
  const number = payload[0] ?? 0
  const command = byNumber[number]
  assert(command !== undefined, `log entry ${index} holds command ${number}, which is unknown here`)
  const args = command.codec ? command.codec.decode(payload) : decodeMsgpack(payload.subarray(1))
  try {
    return store.write(index, (tx) => command.apply(store, tx, args))
  } catch (error) {
    if (error instanceof PraetorError) return error
    throw error
  }
}

/** The table's rows have args of their own each; by number alone they can't be told apart. */
type AnyCommand = Command<unknown, CommandResult<CommandName>>

const byNumber: readonly (AnyCommand | undefined)[] = numbered()

function numbered(): (AnyCommand | undefined)[] {
  const rows: (AnyCommand | undefined)[] = []
  for (const [name, row] of Object.entries(commands)) {
    const command = row as unknown as AnyCommand
    assert(command.number > 0 && command.number < 256, `command ${name} has no one-byte number`)
    assert(rows[command.number] === undefined, `two commands have the number ${command.number}`)
    rows[command.number] = command
  }
  return rows
}

function withHead(args: Uint8Array): Uint8Array {
  const payload = Buffer.allocUnsafe(args.length + 1)
  payload.set(args, 1)
  return payload
}
