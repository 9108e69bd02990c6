import { parseDuration } from '../../server/model/duration.ts'

/**
 * Flags as Go's flag package reads them: `-name value`, `-name=value`, one dash or two, no value after a boolean, the first
 * argument that isn't a flag ends them. Operators' scripts depend on the fine points, and no parser for Node has them.
 */
export interface Flag {
  readonly name: string
  /** A `pair` is `key=value`. */
  readonly kind: 'bool' | 'int' | 'uint' | 'string' | 'duration' | 'pair'
  /**
   * Consul has kinds of its own for flags whose absence means something: their help says `<value>`, and their mistakes are
   * worded by strconv rather than by the flag package.
   */
  readonly optional?: true
  /** A word in backquotes stands for the value in the help. */
  readonly doc: string
  /** Go's help tells it, where it isn't the zero of its kind. */
  readonly initial?: string | number | boolean
}

export interface ParsedFlags {
  /** Every value given to the flag, in order; `'true'` for a boolean without one. */
  values(name: string): readonly string[]
  /** The last of them. */
  value(name: string): string | undefined
  /** Whether a boolean was given and its last value is true. */
  isTrue(name: string): boolean
  /** All that was given, in order. */
  readonly given: readonly { readonly name: string; readonly value: string }[]
  /** What came after the flags. */
  readonly rest: readonly string[]
}

export type FlagResult =
  | { readonly kind: 'parsed'; readonly flags: ParsedFlags }
  | { readonly kind: 'help' }
  /** To be printed to stderr followed by formatDefaults; the exit code is 1. */
  | { readonly kind: 'wrong'; readonly error: string }

export function parseFlags(args: readonly string[], flags: readonly Flag[]): FlagResult {
  const known = new Map(flags.map((flag) => [flag.name, flag]))
  const given: { name: string; value: string }[] = []
  let next = 0
  for (;;) {
    const argument = args[next]
    if (argument === undefined || !/^-./.test(argument)) break
    next += 1
    if (argument === '--') break
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(argument)
    if (match === null) return wrong(`bad flag syntax: ${argument}`)
    const [, name = '', attached] = match
    const flag = known.get(name)
    if (flag === undefined)
      return name === 'h' || name === 'help'
        ? { kind: 'help' }
        : wrong(`flag provided but not defined: -${name}`)
    const value = attached ?? (flag.kind === 'bool' ? 'true' : args[next++])
    if (value === undefined) return wrong(`flag needs an argument: -${name}`)
    const mistake = findMistake(flag, value)
    if (mistake !== undefined) return wrong(mistake)
    given.push({ name, value })
  }
  return { kind: 'parsed', flags: parsedFlags(given, args.slice(next)) }
}

/** Go's `strconv.ParseBool`. */
export function parseBool(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : undefined
}

function wrong(error: string): FlagResult {
  return { kind: 'wrong', error }
}

function parsedFlags(given: ParsedFlags['given'], rest: readonly string[]): ParsedFlags {
  const values = (name: string): readonly string[] =>
    given.filter((flag) => flag.name === name).map((flag) => flag.value)
  const value = (name: string): string | undefined => values(name).at(-1)
  return { values, value, isTrue: (name) => parseBool(value(name) ?? '') === true, given, rest }
}

function findMistake(flag: Flag, value: string): string | undefined {
  const quoted = JSON.stringify(value)
  const native = flag.optional !== true
  if (flag.kind === 'bool') {
    if (parseBool(value) !== undefined) return undefined
    const why = native ? 'parse error' : `strconv.ParseBool: parsing ${quoted}: invalid syntax`
    return `invalid boolean value ${quoted} for -${flag.name}: ${why}`
  }
  const why = native ? findNativeFault(flag.kind, value) : findOptionalFault(flag.kind, value)
  return why === undefined ? undefined : `invalid value ${quoted} for flag -${flag.name}: ${why}`
}

/** The flag package says only that it could not read a value. */
function findNativeFault(kind: Flag['kind'], value: string): string | undefined {
  if (kind === 'duration') return parseDuration(value).ok ? undefined : 'parse error'
  if (kind !== 'int' && kind !== 'uint') return findPairFault(kind, value)
  const number = parseInteger(value)
  if (number === undefined || (kind === 'uint' && /^[-+]/.test(value))) return 'parse error'
  return isOutOfRange(kind, number) ? 'value out of range' : undefined
}

function findOptionalFault(kind: Flag['kind'], value: string): string | undefined {
  if (kind === 'duration') {
    const parsed = parseDuration(value)
    return parsed.ok ? undefined : parsed.error
  }
  if (kind !== 'int' && kind !== 'uint') return findPairFault(kind, value)
  const parser = kind === 'uint' ? 'ParseUint' : 'Atoi'
  const why = (reason: string): string =>
    `strconv.${parser}: parsing ${JSON.stringify(value)}: ${reason}`
  if (!(kind === 'int' ? /^[-+]?\d+$/ : /^\d+$/).test(value)) return why('invalid syntax')
  return isOutOfRange(kind, BigInt(value.replace(/^\+/, '')))
    ? why('value out of range')
    : undefined
}

function findPairFault(kind: Flag['kind'], value: string): string | undefined {
  return kind === 'pair' && !value.includes('=')
    ? `Missing "=" value in argument: ${value}`
    : undefined
}

/** `key=value` flags as a map; the last of a key counts. */
export function pairsOf(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf('=')
      return [value.slice(0, at), value.slice(at + 1)]
    }),
  )
}

/** Go's `strconv.ParseInt` with base 0: decimal, `0x`, `0o` or `0`, `0b`, and `_` between digits. */
export function parseInteger(text: string): bigint | undefined {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/s.exec(text) ?? []
  if (!/^(0[xX](_?[\da-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|0|[1-9](_?\d)*)$/.test(digits))
    return undefined
  const size = BigInt(digits.replaceAll('_', '').replace(/^0(?=[0-7])/, '0o'))
  return sign === '-' ? -size : size
}

function isOutOfRange(kind: 'int' | 'uint', number: bigint): boolean {
  return kind === 'uint'
    ? BigInt.asUintN(64, number) !== number
    : BigInt.asIntN(64, number) !== number
}

/** What Go prints after a mistake: every flag with its text on one line. */
export function formatDefaults(flags: readonly Flag[]): string {
  const lines = inOrder(flags).map((flag) => {
    const word = valueWord(flag)
    const head = word === '' ? `-${flag.name}` : `-${flag.name} ${word}`
    return `  ${head}\n    \t${flag.doc.replace(backquoted, '$1')}${formatInitial(flag)}\n`
  })
  return `Usage:\n${lines.join('')}`
}

function formatInitial({ kind, initial }: Flag): string {
  if (initial === undefined || initial === '' || initial === 0 || initial === false) return ''
  return ` (default ${kind === 'string' ? JSON.stringify(initial) : initial})`
}

export interface FlagGroup {
  readonly title: string
  readonly flags: readonly Flag[]
}

/** Consul's `-h`: what the command is for, then its flags by group, wrapped for a terminal of 72 columns. */
export function formatHelp(about: string, groups: readonly FlagGroup[]): string {
  const parts = groups
    .filter((group) => group.flags.length > 0)
    .map(({ title, flags }) => `${title}\n\n${inOrder(flags).map(formatFlag).join('')}`)
  return `${about.trim()}\n\n${parts.join('')}`.trimEnd()
}

const helpColumns = 72
const helpIndent = 5

function formatFlag(flag: Flag): string {
  const word = valueWord(flag)
  const head = word === '' ? `-${flag.name}` : `-${flag.name}=<${word}>`
  const lines = wrap(flag.doc, helpColumns - helpIndent)
  return `  ${head}\n${lines.map((line) => `${' '.repeat(helpIndent)}${line}\n`).join('')}\n`
}

/** Breaks at plain spaces only, and a word longer than a line gets one to itself. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ +/)) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const backquoted = /`([^`]*)`/

function valueWord(flag: Flag): string {
  const word = backquoted.exec(flag.doc)?.[1]
  if (word !== undefined) return word
  if (flag.kind === 'bool') return ''
  return flag.optional === true || flag.kind === 'pair' ? 'value' : flag.kind
}

function inOrder(flags: readonly Flag[]): readonly Flag[] {
  return flags.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
