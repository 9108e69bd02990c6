import { emptyCheckDefinition } from '../../server/model/definition.ts'
import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { hostPort } from '../../server/model/host-port.ts'
import { checksOf, serviceOf } from './definitions.ts'
import type { ServiceRow } from './definitions.ts'

/** Where sidecars listen that weren't told where; either end is -1 where nobody is to choose for them. */
export interface SidecarPorts {
  readonly min: number
  readonly max: number
}

export function sidecarId(serviceId: string): string {
  return `${serviceId}-sidecar-proxy`
}

/**
 * The proxy that a service wants beside itself, as if it had been defined by itself: what it doesn't say it has from the service.
 * `others` are the services that are there. Throws a PraetorError where it can't be.
 */
export function sidecarOf(
  definition: ServiceDefinition,
  service: ServiceRow,
  others: readonly ServiceRow[],
  ports: SidecarPorts,
): ServiceDefinition | undefined {
  const given = definition.Connect?.SidecarService
  if (given === undefined) return undefined
  const ID = sidecarId(service.ID)
  const port = given.Port > 0 ? given.Port : choosePort(ID, others, ports)
  const local = localService(given, definition)
  const sidecar: ServiceDefinition = {
    ...given,
    ID,
    Name: given.Name === '' ? `${definition.Name}-sidecar-proxy` : given.Name,
    Kind: given.Kind === '' ? 'connect-proxy' : given.Kind,
    Address: given.Address === '' ? definition.Address : given.Address,
    Port: port,
    Tags: given.Tags.length === 0 ? definition.Tags : given.Tags,
    Meta: Object.keys(given.Meta).length === 0 ? definition.Meta : given.Meta,
    Token: given.Token === '' ? definition.Token : given.Token,
    Proxy: {
      DestinationServiceName: definition.Name,
      DestinationServiceID: service.ID,
      ...given.Proxy,
      ...local,
    },
    Checks:
      given.Checks.length > 0
        ? given.Checks
        : usualChecks(hostPort(local.LocalServiceAddress, port), service.ID),
  }
  // A Consul takes it now, and its servers refuse it for as long as it is there.
  explain('Invalid SidecarService', () => serviceOf(sidecar))
  explain('Invalid check in sidecar_service', () => checksOf(sidecar, serviceOf(sidecar), ''))
  return sidecar
}

function localService(
  { Proxy }: ServiceDefinition,
  { Port }: ServiceDefinition,
): { readonly LocalServiceAddress: string; readonly LocalServicePort: number } {
  const { LocalServiceAddress: address, LocalServicePort: port } = Proxy ?? {}
  return {
    LocalServiceAddress: typeof address === 'string' && address !== '' ? address : '127.0.0.1',
    LocalServicePort: typeof port === 'number' && port > 0 ? port : Port,
  }
}

/** That it listens, and that its service is well. */
function usualChecks(TCP: string, AliasService: string): readonly CheckDefinition[] {
  return [
    { ...emptyCheckDefinition, Name: 'Connect Sidecar Listening', TCP, IntervalMs: 10_000 },
    {
      ...emptyCheckDefinition,
      Name: `Connect Sidecar Aliasing ${AliasService}`,
      AliasService,
    },
  ]
}

/** The lowest that no service of this agent has, or the one that was chosen for this sidecar before. */
function choosePort(ID: string, others: readonly ServiceRow[], { min, max }: SidecarPorts): number {
  if (min < 1 || max < 1)
    throw refusal(
      'Invalid SidecarService: no port provided for sidecar_service and auto-assignment disabled in config',
    )
  const inRange = others.filter(({ Port }) => Port >= min && Port <= max)
  const before = inRange.find((other) => other.ID === ID)
  if (before !== undefined) return before.Port
  const taken = new Set(inRange.map(({ Port }) => Port))
  for (let port = min; port <= max; port += 1) if (!taken.has(port)) return port
  throw refusal(
    `Invalid SidecarService: no port provided for sidecar_service and none left in the configured range [${min}, ${max}]`,
  )
}

function explain(what: string, attempt: () => unknown): void {
  try {
    attempt()
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    throw refusal(`${what}: ${error.message.replace(/^Invalid (check|Service Meta): /, '')}`)
  }
}

function refusal(text: string): PraetorError {
  return new PraetorError('failed', `Bad request: ${text}`)
}
