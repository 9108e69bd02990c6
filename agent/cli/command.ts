import type { FlagGroup, ParsedFlags } from './flags.ts'

/** What a command may do to the world outside: the terminal, the environment, and being interrupted. */
export interface Io {
  /** Writes to standard output, as it is; a line ends with its newline. */
  out(text: string | Uint8Array): void
  err(text: string): void
  readonly stdin: AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Fires at the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal
}

/** One command of the command line, `kv get` or `members`: a row of table.ts. */
export interface Command {
  /** Its words: a subcommand's begin with its group's. */
  readonly name: string
  /** A line for the list of commands. */
  readonly synopsis: string
  /** What the help says before the flags: `Usage: …`, a blank line, what it does. */
  readonly about: string
  readonly flags: readonly FlagGroup[]
  /** The exit code. May throw a PraetorError, whose text is printed to standard error with exit code 1. */
  run(flags: ParsedFlags, io: Io): Promise<number>
}

/** A word that only has subcommands, like `kv`. */
export interface Group {
  readonly name: string
  readonly synopsis: string
  readonly about: string
}
