import { assert } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { WriteId } from '../model/methods.ts'
import { recallOutcome, rememberOutcome } from '../state/outcomes.ts'
import type { Outcome } from '../state/schema.ts'
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

/** A command under the id by which it is known should it come again: the number of this form, the id, the command's own entry. */
export function encodeOnce(id: WriteId, entry: Uint8Array): Uint8Array {
  const payload = withHead(encodeMsgpack([id.origin, id.epoch, id.sequence, entry]))
  payload[0] = onceNumber
  return payload
}

/** The id and the entry of a command in the form above; an undefined id for one that has none. */
export function decodeOnce(payload: Uint8Array): {
  readonly id?: WriteId
  readonly entry: Uint8Array
} {
  if (payload[0] !== onceNumber) return { entry: payload }
  const parts = decodeMsgpack(payload.subarray(1)) as [string, string, number, Uint8Array]
  const [origin, epoch, sequence, entry] = parts
  return { id: { origin, epoch, sequence }, entry }
}

/** No command has this number. */
const onceNumber = 255

/**
 * Carries one log entry out: the command's result, or the PraetorError with which it refused. Anything else that is thrown, an
 * unknown command above all, says that this server can't follow the log, and it must stop before it answers from a wrong state.
 */
export function applyEntry(store: Store, index: number, payload: Uint8Array): Applied {
  const number = payload[0] ?? 0
  if (number === onceNumber) return applyOnce(store, index, payload)
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

/** Carries a command out unless it was before; then what it gave, or refused with, is given again. */
function applyOnce(store: Store, index: number, payload: Uint8Array): Applied {
  const { id, entry } = decodeOnce(payload)
  assert(id !== undefined, 'a write known by an id has one')
  const before = recallOutcome(store, id)
  if (before?.kind === 'refused') return new PraetorError(before.error, before.message)
  if (before?.kind === 'done') return before.result as Applied
  const result = applyEntry(store, index, entry)
  const outcome: Outcome =
    result instanceof PraetorError
      ? { kind: 'refused', error: result.kind, message: result.message }
      : { kind: 'done', result }
  store.write(index, (tx) => rememberOutcome(store, tx, id, outcome))
  return result
}

/** What an entry gave, or the PraetorError with which it was refused. */
type Applied = CommandResult<CommandName> | PraetorError

/** The table's rows have args of their own each; by number alone they can't be told apart. */
type AnyCommand = Command<unknown, CommandResult<CommandName>>

const byNumber: readonly (AnyCommand | undefined)[] = numbered()

function numbered(): (AnyCommand | undefined)[] {
  const rows: (AnyCommand | undefined)[] = []
  for (const [name, row] of Object.entries(commands)) {
    const command = row as unknown as AnyCommand
    assert(
      command.number > 0 && command.number < onceNumber,
      `command ${name} has no one-byte number`,
    )
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
