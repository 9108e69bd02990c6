import type { FlagGroup, ParsedFlags } from './flags.ts'

/** What a command may do to the world outside: the terminal, the environment, and being interrupted. */
export interface Io {
  /** Writes to standard output, as it is; a line ends with its newline. */
  out(text: string | Uint8Array): void
  err(text: string | Uint8Array): void
  readonly stdin: AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Fires at the first SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal
  /** Whether `out`, `err` and `stdin` are this process's own streams, so that children may have them as they are. */
  readonly ownStreams: boolean
}

/** What a command does: one file of commands/. */
export interface Command {
  /** What the help says before the flags: `Usage: …`, a blank line, what it does. */
  readonly about: string
  readonly flags: readonly FlagGroup[]
  /** The exit code. May throw a PraetorError, whose text is printed to standard error with exit code 1. */
  run(flags: ParsedFlags, io: Io): Promise<number>
}

/** How a command is found: a row of table.ts. What it does is loaded when it is asked for. */
export interface CommandRow {
  /** Its words, `kv get` or `members`: a subcommand's begin with its group's. */
  readonly name: string
  /** A line for the list of commands. */
  readonly synopsis: string
  load(): Promise<Command>
}

/** A word that only has subcommands, like `kv`. */
export interface Group {
  readonly name: string
  readonly synopsis: string
  readonly about: string
}
