import { PraetorError } from '../../server/model/errors.ts'
import type { Command, CommandRow, Group, Io } from './command.ts'
import { formatDefaults, formatHelp, parseFlags } from './flags.ts'

export interface CommandTable {
  readonly commands: readonly CommandRow[]
  readonly groups: readonly Group[]
}

/** What a shell expects where there is no such command. */
const notFound = 127

/** What a shell says of a command that SIGINT ended. */
const interruptedCode = 130

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
  if (isHelp(first)) return usage(table, io, 0)
  const row = find(words, table.commands)
  if (row !== undefined)
    return carryOut(await row.load(), words.slice(row.name.split(' ').length), io)
  const group = find(words, table.groups)
  if (group === undefined) return usage(table, io, notFound)
  const help = groupHelp(group, table)
  if (!words.some(isHelp)) {
    io.err(help)
    return 1
  }
  io.out(help)
  return 0
}

async function carryOut(command: Command, args: readonly string[], io: Io): Promise<number> {
  const all = command.flags.flatMap(({ flags }) => flags)
  const parsed = parseFlags(args, all)
  switch (parsed.kind) {
    case 'help':
      io.out(helpOf(command))
      return 0
    case 'wrong':
      io.err(`${parsed.error}\n${formatDefaults(all)}`)
      return 1
    default:
      return command.run(parsed.flags, io).catch((error: unknown) => {
        if (io.interrupted.aborted && (error as Error).name === 'AbortError') return interruptedCode
        if (!(error instanceof PraetorError)) throw error
        io.err(`${error.message}\n`)
        return 1
      })
  }
}

/** What `-h` prints, which some commands also answer mistakes with. */
export function helpOf({ about, flags }: Command): string {
  return `${formatHelp(about, flags)}\n`
}

function isHelp(word: string): boolean {
  return /^--?h(elp)?$/.test(word)
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
  const top = [
    ...commands.filter(({ name }) => !name.includes(' ')),
    ...groups.filter(({ name }) => !name.includes(' ')),
  ]
  const text = `Usage: praetor [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n${list(top)}\n`
  if (code === 0) io.out(text)
  else io.err(text)
  return code
}

/** With the commands right under it, and the groups. */
function groupHelp(group: Group, { commands, groups }: CommandTable): string {
  const prefix = `${group.name} `
  const own = [...commands, ...groups]
    .filter(({ name }) => name.startsWith(prefix) && !name.slice(prefix.length).includes(' '))
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
