import { hostPort } from './host-port.ts'
import type { Given } from './registration.ts'
import type { Service } from './service.ts'

/**
 * What is wrong with what a proxy, a gateway or a service with a sidecar says of itself. All of it is told at once, in the form and
 * the words of Consul.
 */
export function findMeshMistakes(service: Given<Service>): string | undefined {
  const mistakes = [
    ...(service.Kind === 'connect-proxy' ? proxyMistakes(service) : []),
    ...(isGateway(service.Kind) ? gatewayMistakes(service, service.Kind) : []),
    ...sidecarMistakes(service),
  ]
  if (mistakes.length === 0) return undefined
  const count = mistakes.length === 1 ? '1 error' : `${mistakes.length} errors`
  const list = mistakes.map((mistake) => `\t* ${mistake}\n`).join('')
  return `${count} occurred:\n${list}\n`
}

const gateways = ['mesh-gateway', 'terminating-gateway', 'ingress-gateway'] as const
type Gateway = (typeof gateways)[number]

function isGateway(kind: string | undefined): kind is Gateway {
  return (gateways as readonly (string | undefined)[]).includes(kind)
}

function* proxyMistakes({ Proxy, Port, Connect }: Given<Service>): Iterable<string> {
  const destination = Proxy['DestinationServiceName']
  if (typeof destination !== 'string' || destination.trim() === '')
    yield 'Proxy.DestinationServiceName must be non-empty for Connect proxy services'
  if (Port === 0) yield 'Port must be set for a Connect proxy'
  if (Connect['Native'] === true)
    yield 'A Proxy cannot also be Connect Native, only typical services'
  yield* upstreamMistakes(fieldsIn(Proxy['Upstreams']))
  const { Paths } = isObject(Proxy['Expose']) ? Proxy['Expose'] : {}
  yield* exposureMistakes(fieldsIn(Paths))
}

/** The only type that Consul knows beside the usual. */
const upstreamTypes: ReadonlySet<unknown> = new Set([undefined, '', 'service', 'prepared_query'])

function* upstreamMistakes(upstreams: readonly Fields[]): Iterable<string> {
  const destinations = new Set<string>()
  const addresses = new Set<string>()
  for (const upstream of upstreams) {
    const own = findUpstreamMistake(upstream)
    if (own !== undefined) {
      yield own
      continue
    }
    const destination = describeDestination(upstream)
    if (destinations.has(destination)) {
      yield `upstreams cannot contain duplicates of ${destination}`
      continue
    }
    destinations.add(destination)
    const { LocalBindAddress, LocalBindPort } = upstream
    const address = hostPort(textOf(LocalBindAddress) || '127.0.0.1', Number(LocalBindPort))
    if (addresses.has(address))
      yield `upstreams cannot contain duplicates by local bind address and port; ${JSON.stringify(address)} is specified twice`
    addresses.add(address)
  }
}

function findUpstreamMistake(upstream: Fields): string | undefined {
  const { DestinationType, DestinationName, LocalBindPort } = upstream
  if (!upstreamTypes.has(DestinationType))
    return `unknown upstream destination type: ${JSON.stringify(DestinationType)}`
  if (!isGiven(DestinationName)) return 'upstream destination name cannot be empty'
  return isGiven(LocalBindPort) ? undefined : 'upstream local bind port cannot be zero'
}

function describeDestination(upstream: Fields): string {
  const { DestinationType, DestinationName, DestinationNamespace, Datacenter } = upstream
  const type = textOf(DestinationType) || 'service'
  const parts = {
    type,
    name: DestinationName,
    namespace: DestinationNamespace,
    datacenter: Datacenter,
  }
  const list = Object.entries(parts).map(
    ([name, part]) => `${name}=${JSON.stringify(textOf(part))}`,
  )
  return `[${list.join(', ')}]`
}

const exposedProtocols: ReadonlySet<string> = new Set(['', 'http', 'http2'])

function* exposureMistakes(paths: readonly Fields[]): Iterable<string> {
  const known = new Set<unknown>()
  const listeners = new Set<unknown>()
  for (const { Path = '', ListenerPort = 0, Protocol } of paths) {
    if (Path === '') yield 'expose.paths: empty path exposed'
    if (known.has(Path)) yield 'expose.paths: duplicate paths exposed'
    known.add(Path)
    if (listeners.has(ListenerPort)) yield 'expose.paths: duplicate listener ports exposed'
    listeners.add(ListenerPort)
    const port = Number(ListenerPort)
    if (port <= 0 || port > 65_535) yield `expose.paths: invalid listener port: ${port}`
    const protocol = textOf(Protocol).toLowerCase()
    if (!exposedProtocols.has(protocol))
      yield `protocol '${protocol}' not supported for path: ${textOf(Path)}, must be in: [http http2]`
  }
}

/** What tells a proxy whom it stands for: a gateway stands for many. */
const proxyOnly = [
  'DestinationServiceName',
  'DestinationServiceID',
  'LocalServiceAddress',
  'LocalServicePort',
  'Upstreams',
] as const

function* gatewayMistakes(
  { Proxy, Port, Connect }: Given<Service>,
  kind: Gateway,
): Iterable<string> {
  if (Port === 0 && kind !== 'ingress-gateway') yield `Port must be non-zero for a ${kind}`
  if (isGiven(Connect['SidecarService'])) yield `A ${kind} cannot have a sidecar service defined`
  for (const name of proxyOnly)
    if (isGiven(Proxy[name])) yield `The Proxy.${name} configuration is invalid for a ${kind}`
}

function* sidecarMistakes({ Connect }: Given<Service>): Iterable<string> {
  const sidecar = Connect['SidecarService']
  if (!isObject(sidecar)) return
  if (isGiven(sidecar['ID']))
    yield 'A SidecarService cannot specify an ID as this is managed by the agent'
  if (isObject(sidecar['Connect']) && isGiven(sidecar['Connect']['SidecarService']))
    yield 'A SidecarService cannot have a nested SidecarService'
}

/** Go knows a field that was left out by its zero value. */
function isGiven(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return value !== undefined && value !== null && value !== '' && value !== 0
}

type Fields = Readonly<Record<string, unknown>>

function fieldsIn(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
