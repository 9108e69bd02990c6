import type { Flag, FlagGroup, ParsedFlags } from '../cli/flags.ts'
import { decodeDocument } from './decode.ts'
import { devSettings } from './dev.ts'
import { listErrors } from './fault-text.ts'
import type { FileReader, Host } from './host.ts'
import { mergeSettings } from './merge.ts'
import { resolve } from './resolve.ts'
import type { AgentConfig } from './runtime.ts'
import { knownOptions, noSettings } from './settings.ts'
import type { Settings } from './settings.ts'
import { parseSource, readSources, settingsFromFlags, sourceFlags } from './source.ts'
import type { Source } from './source.ts'
import { findFaults, findWarnings } from './validate.ts'

export type LoadedConfig =
  | {
      readonly ok: true
      readonly config: AgentConfig
      /** What was said, for keysNeedingRestart when it is said anew. */
      readonly settings: Settings
      readonly warnings: readonly string[]
    }
  /** The first error is what Consul would say and stop at; each is a whole message, some of several lines. */
  | { readonly ok: false; readonly errors: readonly string[]; readonly warnings: readonly string[] }

/** All the flags of `agent`, in the groups of its help. */
export function agentFlagGroups(): readonly FlagGroup[] {
  const flags = Array.from(knownOptions.values()).flatMap(({ flag }) => flag ?? [])
  return [
    { title: 'HTTP API Options', flags: flags.filter(isHttp) },
    {
      title: 'Command Options',
      flags: [...sourceFlags, ...flags.filter((flag) => !isHttp(flag))],
    },
  ]
}

/** Consul lists it with the flags that clients of the HTTP API have too. */
function isHttp({ name }: Flag): boolean {
  return name === 'datacenter'
}

/** The configuration that the flags and the files they name add up to. */
export function loadConfig(flags: ParsedFlags, files: FileReader, host: Host): LoadedConfig {
  const paths = flags.given
    .filter(({ name }) => name === 'config-file' || name === 'config-dir')
    .map(({ value }) => value)
  const fromFlags = settingsFromFlags(flags)
  const fragments = flags
    .values('hcl')
    .map((text, index): Source => ({ name: `flags-${index}.hcl`, format: 'hcl', text }))
  return load({
    paths,
    format: flags.value('config-format') ?? '',
    before: fromFlags.lists,
    after: fromFlags.values,
    fragments,
    devMode: flags.isTrue('dev'),
    files,
    host,
  })
}

/** What `validate` does: files alone, as an agent without other flags would take them. */
export function validateConfig(
  paths: readonly string[],
  format: string,
  files: FileReader,
  host: Host,
): LoadedConfig {
  const [before, after] = [noSettings, noSettings]
  return load({ paths, format, before, after, fragments: [], devMode: false, files, host })
}

/** The settings that differ and that a running agent can't take on, by path. */
export function keysNeedingRestart(before: Settings, after: Settings): string[] {
  const differs = (path: string): boolean =>
    JSON.stringify(before.values.get(path) ?? knownOptions.get(path)?.initial) !==
    JSON.stringify(after.values.get(path) ?? knownOptions.get(path)?.initial)
  return Array.from(knownOptions)
    .filter(([path, option]) => !option.reloadable && option.moot !== true && differs(path))
    .map(([path]) => path)
    .toSorted()
}

interface Ingredients {
  readonly paths: readonly string[]
  readonly format: string
  readonly before: Settings
  readonly after: Settings
  readonly fragments: readonly Source[]
  readonly devMode: boolean
  readonly files: FileReader
  readonly host: Host
}

function load(ingredients: Ingredients): LoadedConfig {
  const { paths, format, before, after, fragments, devMode, files, host } = ingredients
  const read = readSources(paths, format, files)
  const decoded = [...read.sources.map(decodeSource), ...fragments.map(decodeSource)]
  const errors = [...read.errors, ...decoded.flatMap((source) => source.errors)]
  if (errors.length > 0) return { ok: false, errors, warnings: read.warnings }

  const [fromFiles, fromFragments] = [
    decoded.slice(0, read.sources.length),
    decoded.slice(read.sources.length),
  ]
  const settings = mergeSettings([
    ...(devMode ? [devSettings] : []),
    before,
    ...fromFiles.map((source) => source.settings),
    after,
    ...fromFragments.map((source) => source.settings),
  ])
  const { config, invalid } = resolve(settings, host, devMode)
  const unreadable = [...invalid, ...decoded.flatMap((source) => source.invalid)]
  if (unreadable.length > 0)
    return { ok: false, errors: [listErrors(unreadable)], warnings: read.warnings }

  const faults = findFaults(config, settings, files)
  if (faults.length > 0) return { ok: false, errors: faults, warnings: read.warnings }
  const warnings = [...read.warnings, ...findWarnings(config, settings)]
  return { ok: true, config, settings, warnings }
}

function decodeSource(source: Source): ReturnType<typeof decodeDocument> {
  const parsed = parseSource(source)
  return parsed.ok
    ? decodeDocument(parsed.document, source.name)
    : { settings: noSettings, errors: [parsed.error], invalid: [] }
}
