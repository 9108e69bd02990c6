import type { Fault, Kind, Struct } from '../../server/model/decode.ts'
import { decode } from '../../server/model/decode.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { firstValue, MalformedJson } from './go-json.ts'

/** Parses a body; what is no JSON is a 400 that begins with the prefix. */
export function parseBody(body: Uint8Array, prefix: string): unknown {
  try {
    return firstValue(body)
  } catch (error) {
    if (!(error instanceof MalformedJson)) throw error
    throw new PraetorError('bad-request', prefix + error.message)
  }
}

/** Decodes a body by a table of fields. The first mistake is a 400 with Go's text for it after the prefix. */
export function decodeBody(kind: Kind, body: Uint8Array, prefix: string): unknown {
  return decodeParsed(kind, parseBody(body, prefix), prefix)
}

export function decodeParsed(kind: Kind, parsed: unknown, prefix: string): unknown {
  const faults: Fault[] = []
  const decoded = decode(kind, parsed, 'api', [], faults)
  refuseFaults(kind, faults, prefix)
  return decoded
}

export function refuseFaults(kind: Kind, faults: readonly Fault[], prefix: string): void {
  const [first] = faults
  if (first) throw new PraetorError('bad-request', prefix + describeFault(kind, first))
}

/** The texts of Go's encoding/json. */
export function describeFault(kind: Kind, { path, problem }: Fault): string {
  if (problem.kind === 'duration' || problem.kind === 'base64') return problem.error
  if (problem.kind === 'unknown') return describeUnknown(String(path.at(-1)))
  const wanted = listNames[problem.wanted] ?? problem.wanted
  const got = describeValue(problem.got, wanted)
  const place = placeOf(kind, path)
  return place === ''
    ? `json: cannot unmarshal ${got} into Go value of type ${aliases[wanted] ?? wanted}`
    : `json: cannot unmarshal ${got} into Go struct field ${place} of type ${wanted}`
}

function describeUnknown(name: string): string {
  const hint = /^namespace$/i.test(name) ? ' - Namespaces are a Consul Enterprise feature' : ''
  return `json: unknown field ${JSON.stringify(name)}${hint}`
}

function describeValue(value: unknown, wanted: string): string {
  if (typeof value === 'number' || typeof value === 'bigint')
    return /^u?int/.test(wanted) ? `number ${value}` : 'number'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return Array.isArray(value) ? 'array' : 'object'
}

/**
 * Go names the innermost struct it decodes by reflection and the way to the field from the top. A struct with a method of its own
 * hides what is inside it, and its own type is an alias without a name.
 */
function placeOf(root: Kind, path: readonly (string | number)[]): string {
  const names: string[] = []
  let struct = ''
  let kind = resolve(root)
  for (const step of path) {
    if ('list' in kind) kind = resolve(kind.list)
    else if ('map' in kind) kind = resolve(kind.map)
    else if ('fields' in kind) {
      if (names.length > 0 && decodesItself.has(kind.name)) break
      const field = fieldOf(kind, String(step))
      if (!field) break
      struct = decodesItself.has(kind.name) ? '' : kind.name.replace(/^.*\./, '')
      names.push(field.api[0] ?? '')
      kind = resolve(field.kind)
    }
  }
  return names.length === 0 ? '' : `${struct}.${names.join('.')}`
}

type Compound =
  | { readonly list: Kind }
  | { readonly map: Kind }
  | Struct
  | { readonly scalar: true }

function resolve(kind: Kind): Compound {
  if (typeof kind === 'string') return { scalar: true }
  return 'named' in kind ? resolve(kind.as) : kind
}

function fieldOf(struct: Struct, written: string) {
  const folded = written.toLowerCase()
  return struct.fields().find(({ api }) => api.some((name) => name.toLowerCase() === folded))
}

/** The types to which Consul gave an UnmarshalJSON. */
const decodesItself: ReadonlySet<string> = new Set([
  'structs.CheckDefinition',
  'structs.CheckType',
  'structs.ConnectProxyConfig',
  'structs.DeregisterRequest',
  'structs.ExposePath',
  'structs.HealthCheckDefinition',
  'structs.ServiceConnect',
  'structs.ServiceDefinition',
  'structs.Session',
  'structs.Upstream',
])

const listNames: Readonly<Record<string, string>> = { '[]structs.CheckType': 'structs.CheckTypes' }

/** What Go calls such a type when it is given something else altogether. */
const aliases: Readonly<Record<string, string>> = {
  'structs.DeregisterRequest': 'struct { Address string; *structs.Alias }',
  'structs.ServiceDefinition':
    'struct { EnableTagOverrideSnake bool "json:\\"enable_tag_override\\""; TaggedAddressesSnake ' +
    'map[string]structs.ServiceAddress "json:\\"tagged_addresses\\""; *structs.Alias }',
  'structs.Session': 'struct { LockDelay interface {}; *structs.Alias }',
}
