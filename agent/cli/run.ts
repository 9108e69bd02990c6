import { PraetorError } from '../../server/model/errors.ts'
import type { Command, Group, Io } from './command.ts'
import { formatDefaults, formatHelp, parseFlags } from './flags.ts'

export interface CommandTable {
  readonly commands: readonly Command[]
  readonly groups: readonly Group[]
}

/** What a shell expects where there is no such command. */
const notFound = 127

/** Finds the command that the words name and carries it out; resolves with the exit code. */
export async function runCommand(
  words: readonly string[],
  table: CommandTable,
  io: Io,
): Promise<number> {
  const [first] = words
  if (first === '-v' || first === '-version' || first === '--version')
    return runCommand(['version'], table, io)
  if (first === undefined) return usage(table, io, notFound)
  if (/^--?h(elp)?$/.test(first)) return usage(table, io, 0)
  const command = find(words, table.commands)
  if (command !== undefined)
    return carryOut(command, words.slice(command.name.split(' ').length), io)
  const group = find(words, table.groups)
  if (group !== undefined) {
    io.out(groupHelp(group, table.commands))
    return words.some((word) => /^--?h(elp)?$/.test(word)) ? 0 : 1
  }
  return usage(table, io, notFound)
}

async function carryOut(command: Command, args: readonly string[], io: Io): Promise<number> {
  const all = command.flags.flatMap(({ flags }) => flags)
  const parsed = parseFlags(args, all)
  switch (parsed.kind) {
    case 'help':
      io.out(`${formatHelp(command.about, command.flags)}\n`)
      return 0
    case 'wrong':
      io.err(`${parsed.error}\nUsage:\n${formatDefaults(all)}\n`)
      return 1
    default:
      return command.run(parsed.flags, io).catch((error: unknown) => {
        if (!(error instanceof PraetorError)) throw error
        io.err(`${error.message}\n`)
        return 1
      })
  }
}

/** The longest name that the words begin with. */
function find<Named extends { readonly name: string }>(
  words: readonly string[],
  rows: readonly Named[],
): Named | undefined {
  return rows
    .filter(({ name }) => name.split(' ').every((word, at) => words[at] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0]
}

function usage({ commands, groups }: CommandTable, io: Io, code: number): number {
  const top = [...commands.filter(({ name }) => !name.includes(' ')), ...groups]
  const text = `Usage: praetor [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n${list(top)}\n`
  if (code === 0) io.out(text)
  else io.err(text)
  return code
}

function groupHelp(group: Group, commands: readonly Command[]): string {
  const prefix = `${group.name} `
  const own = commands
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name, synopsis }) => ({ name: name.slice(prefix.length), synopsis }))
  return `${group.about}\n\nSubcommands:\n${list(own)}`
}

function list(rows: readonly { readonly name: string; readonly synopsis: string }[]): string {
  const width = Math.max(0, ...rows.map(({ name }) => name.length))
  return rows
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, synopsis }) => `    ${name.padEnd(width)}    ${synopsis}\n`)
    .join('')
}
