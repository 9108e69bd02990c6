import { isIP } from 'node:net'

import { checkStatuses } from '../../server/model/check.ts'
import type { HealthCheck } from '../../server/model/check.ts'
import type {
  CheckDefinition,
  ProxyDefinition,
  ServiceDefinition,
} from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { findMeshMistakes } from '../../server/model/mesh-role.ts'
import { findMetadataFault } from '../../server/model/metadata.ts'
import { connectOf, proxyOf } from '../../server/model/proxy.ts'
import type { Service, ServiceAddress } from '../../server/model/service.ts'
import { aliasCheck } from '../checks/alias.ts'
import { kindOf, periodicKinds } from '../checks/table.ts'

/** A row as an agent gives it: the catalog adds the indexes. */
export type ServiceRow = Omit<Service, 'CreateIndex' | 'ModifyIndex'>
export type CheckRow = Omit<HealthCheck, 'CreateIndex' | 'ModifyIndex'>

/** Where a definition came from: a file of this host, or a client. */
export type DefinitionSource = 'local' | 'remote'

/** A check to run, and the row that shows what came of it. */
export interface CheckSpecification {
  readonly row: CheckRow
  readonly definition: CheckDefinition
}

/**
 * What a definition means: the rows it puts into the catalog, or the reason it can't. Texts are those of Consul's agent API;
 * a definition in a configuration file is refused with the same ones.
 */
export function serviceOf(definition: ServiceDefinition): ServiceRow {
  if (definition.Name === '') throw invalid('Missing service name')
  if (['0.0.0.0', '::', '[::]'].includes(definition.Address))
    throw invalid('Invalid service address')
  const fault = findMetadataFault(definition.Meta)
  if (fault !== undefined) throw invalid(`Invalid Service Meta: ${fault}`)
  const Weights = definition.Weights ?? { Passing: 1, Warning: 1 }
  checkWeights(Weights)
  const TaggedAddresses = taggedAddresses(definition)
  const row: ServiceRow = {
    ...(definition.Kind === '' ? {} : { Kind: definition.Kind }),
    ID: definition.ID === '' ? definition.Name : definition.ID,
    Service: definition.Name,
    // None given is a nil list in Go, and some answers show the difference.
    Tags: definition.Tags.length === 0 ? null : definition.Tags,
    Address: definition.Address,
    ...(TaggedAddresses === undefined ? {} : { TaggedAddresses }),
    Meta: Object.keys(definition.Meta).length === 0 ? null : definition.Meta,
    Port: definition.Port,
    Weights,
    EnableTagOverride: definition.EnableTagOverride,
    Proxy: proxyOf(withUpstreamTypes(definition.Proxy)),
    Connect: connectOf(definition.Connect),
  }
  // Of a sidecar the catalog gets what it stands for (sidecar.ts), and so it must make sense here.
  const mistakes = findMeshMistakes({ ...row, Connect: definition.Connect ?? {} })
  if (mistakes !== undefined) throw invalid(mistakes)
  return row
}

/** An agent says what its proxies' upstreams are, where whoever defined them did not. */
function withUpstreamTypes(proxy: ProxyDefinition = {}): ProxyDefinition {
  const { Upstreams } = proxy
  return Array.isArray(Upstreams) ? { ...proxy, Upstreams: Upstreams.map(typed) } : proxy
}

function typed({ DestinationType = 'service', ...rest }: ProxyDefinition): ProxyDefinition {
  return { ...rest, DestinationType }
}

/** The checks that come with a service. One alone is called after the service, several are numbered. */
export function checksOf(
  definition: ServiceDefinition,
  service: ServiceRow,
  node: string,
): CheckSpecification[] {
  return definition.Checks.map((check, position) => {
    validateCheck(check)
    const numbered =
      definition.Checks.length > 1
        ? `service:${service.ID}:${position + 1}`
        : `service:${service.ID}`
    return {
      definition: check,
      row: checkRow(check, node, {
        CheckID: check.CheckID === '' ? numbered : check.CheckID,
        Name: check.Name === '' ? `Service '${service.Service}' check` : check.Name,
        service,
      }),
    }
  })
}

/** A check registered by itself, for the node or, by its id, for a service that `services` finds. */
export function checkOf(
  definition: CheckDefinition,
  node: string,
  services: (id: string) => ServiceRow | undefined,
): CheckSpecification {
  if (definition.Name === '') throw invalid('Missing check name')
  if (definition.Status !== '' && !isStatus(definition.Status)) throw invalid('Bad check status')
  validateCheck(definition)
  const service = definition.ServiceID === '' ? undefined : services(definition.ServiceID)
  if (definition.ServiceID !== '' && service === undefined)
    throw new PraetorError(
      'failed',
      `ServiceID ${JSON.stringify(definition.ServiceID)} does not exist`,
    )
  const CheckID = definition.CheckID === '' ? definition.Name : definition.CheckID
  return {
    definition,
    row: checkRow(definition, node, { CheckID, Name: definition.Name, service }),
  }
}

function checkRow(
  definition: CheckDefinition,
  Node: string,
  given: {
    readonly CheckID: string
    readonly Name: string
    readonly service: ServiceRow | undefined
  },
): CheckRow {
  return {
    Node,
    CheckID: given.CheckID,
    Name: given.Name,
    Status: definition.Status === '' ? 'critical' : definition.Status,
    Notes: definition.Notes,
    Output: '',
    ServiceID: given.service?.ID ?? '',
    ServiceName: given.service?.Service ?? '',
    ServiceTags: given.service?.Tags ?? null,
    Type: kindOf(definition),
    Definition: {},
  }
}

function validateCheck(definition: CheckDefinition): void {
  const fail = (text: string): PraetorError => invalid(`Invalid check: ${text}`)
  const alias = aliasCheck.accepts(definition)
  const periodic = periodicKinds.some((kind) => kind.accepts(definition))
  if (definition.IntervalMs > 0 && definition.TTLMs > 0)
    throw fail('Interval and TTL cannot both be specified')
  if (periodic && definition.IntervalMs <= 0)
    throw fail('Interval must be > 0 for Script, HTTP, or TCP checks')
  if (periodic && alias) throw fail('Interval cannot be set for Alias checks')
  if (alias && definition.TTLMs > 0) throw fail('TTL must be not be set for Alias checks')
  if (!periodic && !alias && definition.TTLMs <= 0) throw fail('TTL must be > 0 for TTL checks')
  if (definition.OutputMaxSize < 0) throw fail('MaxOutputMaxSize must be positive')
  if (definition.Status !== '' && !isStatus(definition.Status))
    throw invalid(`Status for checks must 'passing', 'warning', 'critical'`)
}

/** Whether commands may run that a file, or a client, asks for. */
export type ScriptPermission = Readonly<Record<DefinitionSource, boolean>>

/** Who may register a check that runs a command, on this host or in a container, may do anything here. */
export function mayRunScript(
  { ScriptArgs }: CheckDefinition,
  source: DefinitionSource,
  permission: ScriptPermission,
): boolean {
  return ScriptArgs.length === 0 || permission[source]
}

export function checkScriptPermission(
  definition: CheckDefinition,
  source: DefinitionSource,
  permission: ScriptPermission,
): void {
  if (mayRunScript(definition, source, permission)) return
  throw new PraetorError(
    'failed',
    source === 'remote'
      ? "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true"
      : "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or 'enable_local_script_checks' to true",
  )
}

function isStatus(text: string): boolean {
  return (checkStatuses as readonly string[]).includes(text)
}

function checkWeights({ Passing, Warning }: { Passing: number; Warning: number }): void {
  if (Passing < 1) throw invalid('Invalid Weights: Passing must be greater than 0')
  if (Warning < 0) throw invalid('Invalid Weights: Warning must be greater or equal than 0')
  if (Passing > 65_535 || Warning > 65_535)
    throw invalid('Invalid Weights: DNS Weight must be between 0 and 65535')
}

/** An address that is an IP is also the service's LAN and WAN address of its family, unless others were given. */
function taggedAddresses({
  Address,
  Port,
  TaggedAddresses,
}: ServiceDefinition): Record<string, ServiceAddress> | undefined {
  const family = isIP(Address)
  const given = Object.entries(TaggedAddresses).map(([tag, address]) => [
    tag,
    { Address: address.Address, Port: address.Port },
  ])
  const derived =
    family === 0
      ? []
      : [`lan_ipv${family}`, `wan_ipv${family}`].map((tag) => [tag, { Address, Port }])
  const all = Object.fromEntries([...derived, ...given]) as Record<string, ServiceAddress>
  const tags = Object.keys(all).toSorted()
  return tags.length === 0
    ? undefined
    : Object.fromEntries(tags.map((tag) => [tag, all[tag] as ServiceAddress]))
}

function invalid(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
