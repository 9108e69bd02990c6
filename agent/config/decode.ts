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
import { wordFaults } from './fault-text.ts'
import type { FaultText } from './fault-text.ts'
import { knownOptions, knownSections } from './settings.ts'
import type { Settings } from './settings.ts'

/** What a document says, and what is wrong with how it says it. */
export interface DecodedDocument extends FaultText {
  readonly settings: Settings
}

export function decodeDocument(document: Document, name: string): DecodedDocument {
  const reading = new Reading()
  reading.object(document.value, [])
  return { settings: reading, ...wordFaults(reading.faults, document, name) }
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
