import { isEmpty, saying } from './omit-empty.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * What a service says of itself as a proxy, and of the mesh, as rows keep it and JSON shows it: in Consul's order, without what
 * says nothing where Consul leaves it out, and with Go's zero values where it doesn't. `Config` belongs to whoever wrote it and
 * stays whole.
 */
export function proxyOf(given: Fields = {}): Fields {
  const { Config, Upstreams, MeshGateway, Expose } = given
  return {
    ...saying(given, [
      'DestinationServiceName',
      'DestinationServiceID',
      'LocalServiceAddress',
      'LocalServicePort',
    ]),
    ...(isEmpty(Config) ? {} : { Config: ordered(Config) }),
    ...(isEmpty(Upstreams) ? {} : { Upstreams: (Upstreams as readonly Fields[]).map(upstreamOf) }),
    MeshGateway: saying(MeshGateway, ['Mode']),
    Expose: exposeOf(Expose),
  }
}

export function connectOf(given: Fields = {}): Fields {
  return saying(given, ['Native'])
}

function upstreamOf(given: Fields): Fields {
  return {
    DestinationType: given['DestinationType'] ?? '',
    ...saying(given, ['DestinationNamespace']),
    DestinationName: given['DestinationName'] ?? '',
    Datacenter: given['Datacenter'] ?? '',
    ...saying(given, ['LocalBindAddress']),
    LocalBindPort: given['LocalBindPort'] ?? 0,
    Config: ordered(given['Config'] ?? null),
    MeshGateway: saying(given['MeshGateway'], ['Mode']),
  }
}

function exposeOf(given: unknown): Fields {
  const { Checks, Paths } = (given ?? {}) as Fields
  return {
    ...(isEmpty(Checks) ? {} : { Checks }),
    ...(isEmpty(Paths) ? {} : { Paths: (Paths as readonly Fields[]).map(exposedPathOf) }),
  }
}

function exposedPathOf(given: Fields): Fields {
  return {
    ...saying(given, ['ListenerPort', 'Path', 'LocalPathPort', 'Protocol']),
    ParsedFromCheck: given['ParsedFromCheck'] === true,
  }
}

/** Go's maps come in any order, and JSON has them by their keys. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const keys = Object.keys(value).toSorted()
  return Object.fromEntries(keys.map((key) => [key, ordered((value as Fields)[key])]))
}
