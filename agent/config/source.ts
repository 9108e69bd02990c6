import { join } from 'node:path'

import { describeError } from '../../server/model/errors.ts'
import { parseBool } from '../cli/flags.ts'
import type { Flag, ParsedFlags } from '../cli/flags.ts'
import type { Document } from './document.ts'
import { SyntaxFault } from './document.ts'
import { readHcl } from './hcl/value.ts'
import type { FileReader } from './host.ts'
import { readJson } from './json.ts'
import { knownOptions, noSettings } from './settings.ts'
import type { Settings } from './settings.ts'

/** A text with settings in it. */
export interface Source {
  readonly name: string
  readonly format: 'hcl' | 'json'
  readonly text: string
}

export interface Sources {
  readonly sources: readonly Source[]
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

/** The flags that say where settings are rather than what they are. */
export const sourceFlags: readonly Flag[] = [
  {
    name: 'config-dir',
    kind: 'string',
    optional: true,
    doc: "Directory whose files ending in '.json' or '.hcl' are read for settings, in alphabetical order. May be given several times.",
  },
  {
    name: 'config-file',
    kind: 'string',
    optional: true,
    doc: 'File with settings, in JSON or HCL as its ending says. May be given several times.',
  },
  {
    name: 'config-format',
    kind: 'string',
    doc: "Takes files for this format whatever their ending: 'hcl' or 'json'.",
  },
  {
    name: 'hcl',
    kind: 'string',
    optional: true,
    doc: 'Settings in HCL. May be given several times.',
  },
  {
    name: 'dev',
    kind: 'bool',
    optional: true,
    doc: 'Runs one server that is a whole cluster and keeps nothing on disk.',
  },
]

/** Files and directories in the order given; names in a directory in alphabetical order. */
export function readSources(paths: readonly string[], format: string, files: FileReader): Sources {
  if (!['', 'hcl', 'json'].includes(format))
    return {
      sources: [],
      errors: ["config: -config-format must be either 'hcl' or 'json'"],
      warnings: [],
    }
  return together(paths.map((path) => readPath(path, format, files)))
}

function together(parts: readonly Sources[]): Sources {
  return {
    sources: parts.flatMap((part) => part.sources),
    errors: parts.flatMap((part) => part.errors),
    warnings: parts.flatMap((part) => part.warnings),
  }
}

/** Directories within a directory are left alone. */
function readPath(path: string, format: string, files: FileReader): Sources {
  const kind = files.kind(path)
  if (kind === 'none') {
    const error = `config: Open failed on ${path}. open ${path}: no such file or directory`
    return { sources: [], errors: [error], warnings: [] }
  }
  if (kind === 'file') return readFile(path, format, files)
  const names = files.list(path).toSorted()
  const inside = names.map((name) => join(path, name))
  return together(
    inside
      .filter((file) => files.kind(file) === 'file')
      .map((file) => readFile(file, format, files)),
  )
}

function readFile(path: string, format: string, files: FileReader): Sources {
  const ending = /\.(hcl|json)$/.exec(path)?.[1]
  const chosen = format === '' ? ending : format
  if (chosen !== 'hcl' && chosen !== 'json') {
    const warning = `skipping file ${path}, extension must be .hcl or .json, or config format must be set`
    return { sources: [], errors: [], warnings: [warning] }
  }
  try {
    const text = files.read(path)
    return { sources: [{ name: path, format: chosen, text }], errors: [], warnings: [] }
  } catch (error) {
    const problem = `config: ReadFile failed on ${path}: ${describeError(error)}`
    return { sources: [], errors: [problem], warnings: [] }
  }
}

/** HCL's own parser takes JSON too, by its first brace. */
export function parseSource({
  name,
  format,
  text,
}: Source):
  | { readonly ok: true; readonly document: Document }
  | { readonly ok: false; readonly error: string } {
  try {
    const json = format === 'json' || /^\s*\{/.test(text)
    return { ok: true, document: json ? readJson(text) : readHcl(text) }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    const { line, column } = error.position
    const message =
      format === 'hcl'
        ? `At ${line}:${column}: ${error.message}`
        : `${error.message} (${name}:${line}:${column})`
    return { ok: false, error: `failed to parse ${name}: ${message}` }
  }
}

/**
 * What the flags themselves say. Lists come apart from the rest, since they go before those of the files while plain values go
 * after: either way what is on the command line comes first.
 */
export function settingsFromFlags(flags: ParsedFlags): {
  readonly lists: Settings
  readonly values: Settings
} {
  const lists = new Map<string, unknown>()
  const values = new Map<string, unknown>()
  for (const [path, { flag, kind }] of knownOptions) {
    const given = flag === undefined ? [] : flags.values(flag.name)
    const last = given.at(-1)
    if (last === undefined) continue
    if (typeof kind === 'object' && 'list' in kind) lists.set(path, given)
    else if (typeof kind === 'object') values.set(path, Object.fromEntries(given.map(splitPair)))
    else if (kind === 'bool') values.set(path, parseBool(last))
    else values.set(path, kind === 'int' ? Number(last) : last)
  }
  return { lists: { ...noSettings, values: lists }, values: { ...noSettings, values } }
}

function splitPair(text: string): readonly [key: string, value: string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}
