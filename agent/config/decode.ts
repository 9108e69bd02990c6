import { decode } from '../../server/model/decode.ts'
import type { Fault } from '../../server/model/decode.ts'
import {
  decodeCheckDefinition,
  decodeServiceDefinition,
} from '../../server/model/definition-fields.ts'
import type { Decoded } from '../../server/model/definition-fields.ts'
import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import { formatPath, isObject } from './document.ts'
import type { Document, DocumentObject, DocumentValue, Path } from './document.ts'
import { knownOptions, knownSections } from './settings.ts'
import type { Settings } from './settings.ts'

/** What a document says, and what is wrong with how it says it, worded as Consul words it with the place added. */
export interface DecodedDocument {
  readonly settings: Settings
  /** Whole messages: types that don't fit, keys that aren't known. */
  readonly errors: readonly string[]
  /** Durations that can't be read, which Consul tells of later than of types: lines without the bullet. */
  readonly invalid: readonly string[]
}

export function decodeDocument(document: Document, name: string): DecodedDocument {
  const reading = new Reading()
  reading.object(document.value, [])
  const placed = (fault: Fault): string => place(fault.path, document, name)
  const of = (kind: Fault['problem']['kind']): Fault[] =>
    reading.faults.filter((fault) => fault.problem.kind === kind)
  const wrongTypes = of('type').map(
    (fault) => `${wordType(fault, document.format)}${placed(fault)}`,
  )
  const unknown = of('unknown')
    .toSorted((a, b) => comparePaths(a.path, b.path))
    .map((fault) => `invalid config key ${formatPath(fault.path)}${placed(fault)}`)
  return {
    settings: reading,
    errors: [
      ...(wrongTypes.length > 0 ? [`failed to parse ${name}: ${listDecoding(wrongTypes)}`] : []),
      ...(unknown.length > 0 ? [`failed to parse ${name}: ${listErrors(unknown)}`] : []),
    ],
    invalid: of('duration').map((fault) => `${wordDuration(fault)}${placed(fault)}`),
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

/** Walks a document and puts what it finds under the paths of its options. */
class Reading implements Settings {
  readonly values = new Map<string, unknown>()
  readonly services: ServiceDefinition[] = []
  readonly checks: CheckDefinition[] = []
  readonly faults: Fault[] = []

  object(object: DocumentObject, path: Path): void {
    for (const [name, value] of Object.entries(object))
      if (value !== null) this.#entry(value, [...path, name])
  }

  #entry(value: DocumentValue, path: Path): void {
    const known = formatPath(path).toLowerCase()
    const option = knownOptions.get(known)
    if (option !== undefined) {
      const decoded = decode(option.kind, value, 'config', path, this.faults)
      if (decoded !== undefined) this.values.set(known, decoded)
    } else if (knownSections.has(known)) this.#section(value, path)
    else if (!this.#definitions(known, value, path))
      this.faults.push({ path, problem: { kind: 'unknown' } })
  }

  #section(value: DocumentValue, path: Path): void {
    const section = Array.isArray(value) && value.length === 1 ? (value[0] as DocumentValue) : value
    if (isObject(section)) this.object(section, path)
    else this.faults.push({ path, problem: { kind: 'type', wanted: 'map[string]', got: value } })
  }

  #definitions(known: string, value: DocumentValue, path: Path): boolean {
    if (known === 'service') this.#definition(value, path, decodeServiceDefinition, this.services)
    else if (known === 'check') this.#definition(value, path, decodeCheckDefinition, this.checks)
    else if (known === 'services') this.#list(value, path, decodeServiceDefinition, this.services)
    else if (known === 'checks') this.#list(value, path, decodeCheckDefinition, this.checks)
    else return false
    return true
  }

  #list<Definition>(
    value: DocumentValue,
    path: Path,
    decoder: (value: unknown, face: 'config') => Decoded<Definition>,
    into: Definition[],
  ): void {
    const items = isObject(value) ? [value] : value
    if (!Array.isArray(items))
      this.faults.push({ path, problem: { kind: 'type', wanted: '[]', got: value } })
    else
      items.forEach((item: DocumentValue, index) =>
        this.#definition(item, [...path, index], decoder, into),
      )
  }

  #definition<Definition>(
    value: DocumentValue,
    path: Path,
    decoder: (value: unknown, face: 'config') => Decoded<Definition>,
    into: Definition[],
  ): void {
    const decoded = decoder(value, 'config')
    if (decoded.ok) into.push(decoded.value)
    else
      for (const fault of decoded.faults)
        this.faults.push({ ...fault, path: [...path, ...fault.path] })
  }
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
  const path = `'${formatPath(fault.path)}'`
  if (wanted.startsWith('[]'))
    return `${path}: source data must be an array or slice, got ${shapeOf(got, format)}`
  if (wanted.startsWith('map[') || wanted.startsWith('structs.'))
    return `${path} expected a map, got '${shapeOf(got, format)}'`
  return `${path} expected type '${wanted}', got unconvertible type '${typeOf(got, format)}'`
}

function wordDuration(fault: Fault): string {
  if (fault.problem.kind !== 'duration') return ''
  const { text, error } = fault.problem
  return `${formatPath(fault.path)}: invalid duration: ${JSON.stringify(text)}: ${error}`
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
