import { must } from '../../server/model/assert.ts'
import type { Kind } from '../../server/model/decode.ts'
import { serviceStruct } from '../../server/model/definition-fields.ts'

/** The mesh parts of a service in the catalog: read like those of a definition, printed in Consul's order with its zero values. */
function kindOf(name: string): Kind {
  const field = serviceStruct.fields().find((known) => known.field === name)
  return must(field, `a service definition has ${name}`).kind
}

export const proxyKind = (): Kind => kindOf('Proxy')
export const connectKind = (): Kind => kindOf('Connect')

type Fields = Readonly<Record<string, unknown>>

export function printProxy(given: Fields = {}): Fields {
  return {
    ...where(given, [
      'DestinationServiceName',
      'DestinationServiceID',
      'LocalServiceAddress',
      'LocalServicePort',
      'Config',
    ]),
    ...(isEmpty(given['Upstreams'])
      ? {}
      : { Upstreams: (given['Upstreams'] as readonly Fields[]).map(printUpstream) }),
    MeshGateway: where(given['MeshGateway'] as Fields | undefined, ['Mode']),
    Expose: where(given['Expose'] as Fields | undefined, ['Checks', 'Paths']),
  }
}

function printUpstream(given: Fields): Fields {
  return {
    DestinationType: given['DestinationType'] ?? '',
    ...where(given, ['DestinationNamespace']),
    DestinationName: given['DestinationName'] ?? '',
    Datacenter: given['Datacenter'] ?? '',
    ...where(given, ['LocalBindAddress']),
    LocalBindPort: given['LocalBindPort'] ?? 0,
    Config: given['Config'] ?? null,
    MeshGateway: where(given['MeshGateway'] as Fields | undefined, ['Mode']),
  }
}

export function printConnect(given: Fields = {}): Fields {
  return where(given, ['Native'])
}

/** Those of the fields that say something, in this order. */
function where(given: Fields = {}, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.filter((name) => !isEmpty(given[name])).map((name) => [name, given[name]]),
  )
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '' || value === 0 || value === false) return true
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
