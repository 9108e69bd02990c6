import { PraetorError } from '../model/errors.ts'
import type { Given } from '../model/registration.ts'
import type { Service } from '../model/service.ts'

/**
 * What a proxy, a gateway or a service with a sidecar must say of itself, and what it must not. All that is wrong is told at
 * once, in the form and the words of Consul.
 */
export function checkMeshRole(service: Given<Service>): void {
  const mistakes = [
    ...(service.Kind === 'connect-proxy' ? proxyMistakes(service) : []),
    ...(isGateway(service.Kind) ? gatewayMistakes(service, service.Kind) : []),
    ...sidecarMistakes(service),
  ]
  if (mistakes.length === 0) return
  const count = mistakes.length === 1 ? '1 error' : `${mistakes.length} errors`
  const list = mistakes.map((mistake) => `\t* ${mistake}\n`).join('')
  throw new PraetorError('failed', `${count} occurred:\n${list}\n`)
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
