import { decodeBase64 } from './base64.ts'
import { nanosecondsPerMs, parseDuration } from './duration.ts'
import { narrow } from './unsigned.ts'

/**
 * Plain values (parsed JSON or HCL) into typed ones by a table of fields: what Go's encoding/json does for an HTTP body and
 * mapstructure for a configuration file, down to what each of them lets pass. Mistakes are collected, not worded: the faces
 * have their own texts for them.
 */
export type Kind =
  | 'string'
  | 'bool'
  | 'int'
  | 'float'
  /** An unsigned number of 64 bits. */
  | 'unsigned'
  /** Base64 to bytes. */
  | 'bytes'
  /** To milliseconds. The API takes `"10s"` or whole nanoseconds, a configuration file only `"10s"`. */
  | 'duration'
  /** Kept as it is. */
  | 'any'
  /** A type that Go has a name for, which its errors show; decoded as the kind. */
  | { readonly named: string; readonly as: Kind }
  | { readonly list: Kind }
  | { readonly map: Kind }
  | Struct

export interface Struct {
  /** Go's name for it, which its JSON errors show. */
  readonly name: string
  /** A function, so that tables may refer to each other. */
  readonly fields: () => readonly Field[]
  /** Takes and drops fields that aren't in its table, in the API. */
  readonly open?: true
}

export interface Field {
  /** What the decoded value is called. */
  readonly field: string
  readonly kind: Kind
  /** The names it goes by, upper or lower case being the same. Empty: that face doesn't know it. */
  readonly api: readonly string[]
  readonly config: readonly string[]
}

export type Face = 'api' | 'config'

/** Where the mistake is, in the names that were written, and what it is. */
export interface Fault {
  readonly path: readonly (string | number)[]
  readonly problem: Problem
}

export type Problem =
  | { readonly kind: 'unknown' }
  /** `wanted` is Go's name of the type; `got` what was there in its place. */
  | { readonly kind: 'type'; readonly wanted: string; readonly got: unknown }
  | { readonly kind: 'duration'; readonly text: string; readonly error: string }
  /** Go's text for the first byte that is not base64. */
  | { readonly kind: 'base64'; readonly error: string }

/** Decodes one value. What is null or wrong decodes to `undefined`; mistakes are added to `faults`, in the order written. */
export function decode(
  kind: Kind,
  value: unknown,
  face: Face,
  path: readonly (string | number)[],
  faults: Fault[],
): unknown {
  if (value === null || value === undefined) return undefined
  const wrong = (wanted = goType(kind)): undefined => {
    faults.push({ path, problem: { kind: 'type', wanted, got: value } })
    return undefined
  }
  if (kind === 'any') return value
  if (typeof kind === 'object') {
    if ('named' in kind) {
      const before = faults.length
      const decoded = decode(kind.as, value, face, path, faults)
      if (faults.length === before + 1 && faults[before]?.path === path) {
        faults.length = before
        return wrong(kind.named)
      }
      return decoded
    }
    if ('list' in kind) {
      const items = face === 'config' && isRecord(value) && isStruct(kind.list) ? [value] : value
      if (!Array.isArray(items)) return wrong()
      return items.flatMap((item, index) => {
        const decoded = decode(kind.list, item, face, [...path, index], faults)
        return decoded === undefined ? [] : [decoded]
      })
    }
    const single = face === 'config' ? unwrap(value) : value
    if (!isRecord(single)) return wrong()
    return 'map' in kind
      ? decodeMap(kind.map, single, face, path, faults)
      : decodeStruct(kind, single, face, path, faults)
  }
  const scalar = face === 'config' ? unwrap(value) : value
  if (kind === 'duration') return decodeDuration(scalar, face, path, faults) ?? undefined
  if (kind === 'string' && typeof scalar === 'string') return scalar
  if (kind === 'bool' && typeof scalar === 'boolean') return scalar
  if (kind === 'float' && typeof scalar === 'number') return scalar
  if (kind === 'int' && typeof scalar === 'number') {
    if (Number.isSafeInteger(scalar)) return scalar
    if (face === 'config' && Number.isFinite(scalar)) return Math.trunc(scalar)
  }
  if (kind === 'unsigned') return decodeUnsigned(scalar) ?? wrong()
  if (kind === 'bytes' && typeof scalar === 'string') return decodeBytes(scalar, path, faults)
  return wrong()
}

function decodeUnsigned(value: unknown): number | bigint | undefined {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  return typeof value === 'bigint' && value >= 0n && value < 1n << 64n ? narrow(value) : undefined
}

function decodeBytes(
  text: string,
  path: readonly (string | number)[],
  faults: Fault[],
): Uint8Array | undefined {
  const decoded = decodeBase64(text)
  if (decoded.ok) return decoded.bytes
  faults.push({ path, problem: { kind: 'base64', error: decoded.error } })
  return undefined
}

/** A value in a list of one, as HCL makes them, is taken as the value. */
function unwrap(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
}

function decodeDuration(
  value: unknown,
  face: Face,
  path: readonly (string | number)[],
  faults: Fault[],
): number | undefined {
  if (typeof value === 'string') {
    const parsed = parseDuration(value)
    if (parsed.ok) return parsed.ms
    faults.push({ path, problem: { kind: 'duration', text: value, error: parsed.error } })
    return undefined
  }
  // Consul's API looks at strings and numbers and takes anything else as not given.
  if (face === 'api')
    return typeof value === 'number' ? Math.trunc(value) / nanosecondsPerMs : undefined
  faults.push({ path, problem: { kind: 'type', wanted: 'string', got: value } })
  return undefined
}

function decodeMap(
  kind: Kind,
  value: Readonly<Record<string, unknown>>,
  face: Face,
  path: readonly (string | number)[],
  faults: Fault[],
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => {
      const decoded = decode(kind, item, face, [...path, name], faults)
      return decoded === undefined ? [] : [[name, decoded]]
    }),
  )
}

/** Where a field is written under two of its names, the last counts. */
function decodeStruct(
  { fields, open }: Struct,
  value: Readonly<Record<string, unknown>>,
  face: Face,
  path: readonly (string | number)[],
  faults: Fault[],
): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    const folded = name.toLowerCase()
    const field = fields().find((known) =>
      known[face].some((alias) => alias.toLowerCase() === folded),
    )
    if (field === undefined) {
      if (open !== true || face === 'config')
        faults.push({ path: [...path, name], problem: { kind: 'unknown' } })
      continue
    }
    const decoded = decode(field.kind, item, face, [...path, name], faults)
    if (decoded !== undefined) result[field.field] = decoded
  }
  return result
}

/** The type as Go names it in its errors. */
export function goType(kind: Kind): string {
  if (typeof kind === 'object') {
    if ('named' in kind) return kind.named
    if ('list' in kind) return `[]${goType(kind.list)}`
    return 'map' in kind ? `map[string]${goType(kind.map)}` : kind.name
  }
  return goNames[kind]
}

const goNames = {
  string: 'string',
  bool: 'bool',
  int: 'int',
  float: 'float64',
  unsigned: 'uint64',
  bytes: '[]uint8',
  duration: 'string',
  any: 'interface {}',
} as const

function isStruct(kind: Kind): boolean {
  return typeof kind === 'object' && 'fields' in kind
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
