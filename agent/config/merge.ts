import { noSettings } from './settings.ts'
import type { Settings } from './settings.ts'

/** Several sources as one, each weightier than those before it: plain values replace, lists append, maps merge by key. */
export function mergeSettings(sources: readonly Settings[]): Settings {
  return sources.reduce(mergeTwo, noSettings)
}

function mergeTwo(before: Settings, after: Settings): Settings {
  const values = new Map(before.values)
  for (const [path, value] of after.values) values.set(path, mergeValues(values.get(path), value))
  return {
    values,
    services: [...before.services, ...after.services],
    checks: [...before.checks, ...after.checks],
  }
}

function mergeValues(before: unknown, after: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(after)) return [...before, ...after] as unknown[]
  if (isMap(before) && isMap(after)) return { ...before, ...after }
  return after
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
