import type { Fault, Kind, Struct } from '../../server/model/decode.ts'
import { nodeCheckStruct, serviceStruct } from '../../server/model/definition-fields.ts'
import type { Document, Path } from './document.ts'
import { knownOptions } from './settings.ts'

/** Mistakes in a document, worded as Consul words them, with the place added. */
export interface FaultText {
  /** Whole messages: types that don't fit, keys that aren't known. */
  readonly errors: readonly string[]
  /** Durations that can't be read, which Consul tells of later than of types: lines without the bullet. */
  readonly invalid: readonly string[]
}

export function wordFaults(faults: readonly Fault[], document: Document, name: string): FaultText {
  const placed = ({ path }: Fault, text: string): string => `${text}${place(path, document, name)}`
  const of = (kind: Fault['problem']['kind']): Fault[] =>
    faults.filter(({ problem }) => problem.kind === kind)
  const types = of('type').map((fault) => placed(fault, wordType(fault, document.format)))
  const unknown = of('unknown')
    .toSorted((a, b) => comparePaths(a.path, b.path))
    .map((fault) => placed(fault, `invalid config key ${labelOf(fault.path)}`))
  return {
    errors: [
      ...(types.length > 0 ? [`failed to parse ${name}: ${listDecoding(types)}`] : []),
      ...(unknown.length > 0 ? [`failed to parse ${name}: ${listErrors(unknown)}`] : []),
    ],
    invalid: of('duration').map((fault) => placed(fault, wordDuration(fault))),
  }
}

/** Several mistakes as Go's multierror prints them. */
export function listErrors(errors: readonly string[]): string {
  const count = errors.length === 1 ? '1 error' : `${errors.length} errors`
  return `${count} occurred:\n${errors.map((error) => `\t* ${error}\n`).join('')}\n`
}

function listDecoding(errors: readonly string[]): string {
  const lines = errors.toSorted().map((error) => `* ${error}`)
  return `${errors.length} error(s) decoding:\n\n${lines.join('\n')}`
}

/** ` (agent.hcl:3:5)`: where the value was written, or the nearest thing around it. */
function place(path: Path, { positions }: Document, name: string): string {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const position = positions.at(path.slice(0, depth))
    if (position !== undefined) return ` (${name}:${position.line}:${position.column})`
  }
  return ''
}

function wordType(fault: Fault, format: Document['format']): string {
  if (fault.problem.kind !== 'type') return ''
  const { wanted, got } = fault.problem
  const path = `'${labelOf(fault.path)}'`
  if (wanted.startsWith('[]'))
    return `${path}: source data must be an array or slice, got ${shapeOf(got, format)}`
  if (wanted.startsWith('map[') || wanted.startsWith('structs.'))
    return `${path} expected a map, got '${shapeOf(got, format)}'`
  return `${path} expected type '${wanted}', got unconvertible type '${typeOf(got, format)}'`
}

function wordDuration(fault: Fault): string {
  if (fault.problem.kind !== 'duration') return ''
  const { text, error } = fault.problem
  return `${labelOf(fault.path)}: invalid duration: ${JSON.stringify(text)}: ${error}`
}

/** Go's word for the sort of thing it is. */
function shapeOf(value: unknown, format: Document['format']): string {
  if (Array.isArray(value)) return 'slice'
  return typeof value === 'object' ? 'map' : typeOf(value, format)
}

/** Go's type for it: all numbers of JSON are floats. */
function typeOf(value: unknown, format: Document['format']): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'number')
    return format === 'hcl' && Number.isInteger(value) ? 'int' : 'float64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'map[string]interface {}'
}

/** What is nested comes before what is around it, else alphabetically: the order that Consul finds them in. */
function comparePaths(a: Path, b: Path): number {
  const depth = Math.min(a.length, b.length)
  for (let step = 0; step < depth; step += 1) {
    const [left, right] = [a[step] ?? '', b[step] ?? '']
    const [leftEnds, rightEnds] = [step === a.length - 1, step === b.length - 1]
    if (leftEnds !== rightEnds) return leftEnds ? 1 : -1
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

/** `ports.http`, `services[0].tags`, and the keys of maps in brackets: `node_meta[a]`. */
function labelOf(path: Path): string {
  let label = ''
  let kind: Kind | undefined
  for (const step of path) {
    const inMap = typeof kind === 'object' && 'map' in kind
    if (typeof step === 'number' || inMap) label += `[${step}]`
    else label += label === '' ? step : `.${step}`
    kind = kind === undefined ? kindAt(label) : kindInside(kind, step)
  }
  return label
}

function kindAt(label: string): Kind | undefined {
  return definitionKinds[label.toLowerCase()] ?? knownOptions.get(label.toLowerCase())?.kind
}

const definitionKinds: Readonly<Record<string, Kind>> = {
  service: serviceStruct,
  services: { list: serviceStruct },
  check: nodeCheckStruct,
  checks: { list: nodeCheckStruct },
}

function kindInside(kind: Kind, step: string | number): Kind {
  if (typeof kind !== 'object') return 'any'
  if ('list' in kind) return kind.list
  if ('map' in kind) return kind.map
  return 'fields' in kind ? (fieldKind(kind, String(step)) ?? 'any') : 'any'
}

function fieldKind(struct: Struct, name: string): Kind | undefined {
  const folded = name.toLowerCase()
  return struct
    .fields()
    .find(({ config }) => config.some((alias) => alias.toLowerCase() === folded))?.kind
}
