import { isDeepStrictEqual } from 'node:util'

import { decode } from './decode.ts'
import type { Face, Fault, Field, Kind, Problem, Struct } from './decode.ts'
import { emptyCheckDefinition, emptyServiceDefinition } from './definition.ts'
import type { CheckDefinition, ServiceDefinition } from './definition.ts'

/**
 * How definitions are spelled: in the body of a registration (Go's names, and the few snake_case ones that Consul takes there)
 * and in a configuration file (snake_case, Consul's concatenated names of old, and Go's names too).
 */
export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value }
  /** The first mistake in the order written, and all of them. */
  | {
      readonly ok: false
      readonly path: Fault['path']
      readonly problem: Problem
      readonly faults: readonly Fault[]
    }

export function decodeServiceDefinition(value: unknown, face: Face): Decoded<ServiceDefinition> {
  return decodeWhole(serviceStruct, value, face, toServiceDefinition)
}

/** The body of `/v1/agent/check/register`, or a `check` block outside a service: its id is called `id`, not `CheckID`. */
export function decodeCheckDefinition(value: unknown, face: Face): Decoded<CheckDefinition> {
  return decodeWhole(nodeCheckStruct, value, face, toCheckDefinition)
}

function decodeWhole<Value>(
  struct: Struct,
  value: unknown,
  face: Face,
  convert: (fields: Fields) => Value,
): Decoded<Value> {
  const faults: Fault[] = []
  const fields = (decode(struct, value, face, [], faults) ?? {}) as Fields
  const [first] = faults
  if (first !== undefined) return { ok: false, ...first, faults }
  return { ok: true, value: convert(fields) }
}

/** What the tables below decode to: the fields that were given, under their names. */
type Fields = Readonly<Record<string, unknown>>

function toCheckDefinition(fields: Fields): CheckDefinition {
  return { ...emptyCheckDefinition, ...fields }
}

function toServiceDefinition({ Check, Checks, Connect, ...fields }: Fields): ServiceDefinition {
  // A `Check` that says nothing is no check to Consul, while one in `Checks` must make sense.
  const first = toCheckDefinition((Check ?? {}) as Fields)
  const others = ((Checks ?? []) as readonly Fields[]).map(toCheckDefinition)
  return {
    ...emptyServiceDefinition,
    ...fields,
    Checks: isDeepStrictEqual(first, emptyCheckDefinition) ? others : [first, ...others],
    ...(Connect === undefined ? {} : { Connect: toConnect(Connect as Fields) }),
  }
}

function toConnect({ SidecarService, ...fields }: Fields): Fields {
  return SidecarService === undefined
    ? fields
    : { ...fields, SidecarService: toServiceDefinition(SidecarService as Fields) }
}

/** A field that the API knows by Go's name alone. */
function field(name: string, kind: Kind, snake: string, ...older: readonly string[]): Field {
  return {
    field: kind === 'duration' ? `${name}Ms` : name,
    kind,
    api: [name],
    config: [snake, ...older, name],
  }
}

/** A field that the API knows by both names. */
function either(name: string, kind: Kind, snake: string, ...older: readonly string[]): Field {
  const { api, config, ...rest } = field(name, kind, snake)
  return { ...rest, api: [...api, snake, ...older], config: [...config, ...older] }
}

const strings: Kind = { list: 'string' }

const checkFields: readonly Field[] = [
  field('Name', 'string', 'name'),
  field('Notes', 'string', 'notes'),
  field('Status', 'string', 'status'),
  either('ServiceID', 'string', 'service_id'),
  either('ScriptArgs', strings, 'script_args', 'args'),
  field('Shell', 'string', 'shell'),
  either('DockerContainerID', 'string', 'docker_container_id'),
  field('HTTP', 'string', 'http'),
  field('Header', { map: strings }, 'header'),
  field('Method', 'string', 'method'),
  field('Body', 'string', 'body'),
  field('TCP', 'string', 'tcp'),
  field('UDP', 'string', 'udp'),
  field('GRPC', 'string', 'grpc'),
  field('GRPCUseTLS', 'bool', 'grpc_use_tls'),
  either('TLSSkipVerify', 'bool', 'tls_skip_verify'),
  field('H2PING', 'string', 'h2ping'),
  field('H2PingUseTLS', 'bool', 'h2ping_use_tls'),
  field('OSService', 'string', 'os_service'),
  field('AliasNode', 'string', 'alias_node'),
  field('AliasService', 'string', 'alias_service'),
  field('Interval', 'duration', 'interval'),
  field('Timeout', 'duration', 'timeout'),
  field('TTL', 'duration', 'ttl'),
  either('DeregisterCriticalServiceAfter', 'duration', 'deregister_critical_service_after'),
  field('SuccessBeforePassing', 'int', 'success_before_passing'),
  field('FailuresBeforeCritical', 'int', 'failures_before_critical'),
  field('OutputMaxSize', 'int', 'output_max_size'),
]

export const nodeCheckStruct: Struct = {
  name: 'structs.CheckDefinition',
  fields: () => nodeCheckFields,
}
const nodeCheckFields: readonly Field[] = [
  ...checkFields,
  { field: 'CheckID', kind: 'string', api: ['ID'], config: ['id', 'CheckID'] },
  field('Token', 'string', 'token'),
]

const serviceCheckStruct: Struct = { name: 'structs.CheckType', fields: () => serviceCheckFields }
const serviceCheckFields: readonly Field[] = [
  ...checkFields,
  { field: 'CheckID', kind: 'string', api: ['CheckID'], config: ['id', 'CheckID'] },
  { field: 'Token', kind: 'string', api: [], config: ['token'] },
]

const addressStruct: Struct = { name: 'structs.ServiceAddress', fields: () => addressFields }
const addressFields: readonly Field[] = [
  field('Address', 'string', 'address'),
  field('Port', 'int', 'port'),
]

const weightsStruct: Struct = { name: 'structs.Weights', fields: () => weightsFields }
const weightsFields: readonly Field[] = [
  field('Passing', 'int', 'passing'),
  field('Warning', 'int', 'warning'),
]

const gatewayStruct: Struct = {
  name: 'structs.MeshGatewayConfig',
  fields: () => [field('Mode', 'string', 'mode')],
}

const upstreamStruct: Struct = { name: 'structs.Upstream', fields: () => upstreamFields }
const upstreamFields: readonly Field[] = [
  either('DestinationType', 'string', 'destination_type'),
  either('DestinationNamespace', 'string', 'destination_namespace'),
  either('DestinationName', 'string', 'destination_name'),
  field('Datacenter', 'string', 'datacenter'),
  either('LocalBindAddress', 'string', 'local_bind_address'),
  either('LocalBindPort', 'int', 'local_bind_port'),
  field('Config', { map: 'any' }, 'config'),
  either('MeshGateway', gatewayStruct, 'mesh_gateway'),
]

const exposeStruct: Struct = { name: 'structs.ExposeConfig', fields: () => exposeFields }
const exposeFields: readonly Field[] = [
  field('Checks', 'bool', 'checks'),
  field('Paths', { list: { name: 'structs.ExposePath', fields: () => exposePathFields } }, 'paths'),
]
const exposePathFields: readonly Field[] = [
  either('ListenerPort', 'int', 'listener_port'),
  field('Path', 'string', 'path'),
  either('LocalPathPort', 'int', 'local_path_port'),
  field('Protocol', 'string', 'protocol'),
]

const proxyStruct: Struct = { name: 'structs.ConnectProxyConfig', fields: () => proxyFields }
const proxyFields: readonly Field[] = [
  either('DestinationServiceName', 'string', 'destination_service_name'),
  either('DestinationServiceID', 'string', 'destination_service_id'),
  either('LocalServiceAddress', 'string', 'local_service_address'),
  either('LocalServicePort', 'int', 'local_service_port'),
  field('Config', { map: 'any' }, 'config'),
  field('Upstreams', { list: upstreamStruct }, 'upstreams'),
  either('MeshGateway', gatewayStruct, 'mesh_gateway'),
  field('Expose', exposeStruct, 'expose'),
]

const connectStruct: Struct = {
  name: 'structs.ServiceConnect',
  fields: () => connectFields,
  open: true,
}
const connectFields: readonly Field[] = [
  field('Native', 'bool', 'native'),
  either(
    'SidecarService',
    { name: 'structs.ServiceDefinition', fields: () => serviceFields },
    'sidecar_service',
  ),
]

export const serviceStruct: Struct = {
  name: 'structs.ServiceDefinition',
  fields: () => serviceFields,
}
const serviceFields: readonly Field[] = [
  field('Kind', 'string', 'kind'),
  field('ID', 'string', 'id'),
  field('Name', 'string', 'name'),
  field('Tags', strings, 'tags'),
  field('Address', 'string', 'address'),
  either('TaggedAddresses', { map: addressStruct }, 'tagged_addresses'),
  field('Meta', { map: 'string' }, 'meta'),
  field('Port', 'int', 'port'),
  either('EnableTagOverride', 'bool', 'enable_tag_override'),
  field('Token', 'string', 'token'),
  field('Weights', weightsStruct, 'weights'),
  field('Check', serviceCheckStruct, 'check'),
  field('Checks', { list: serviceCheckStruct }, 'checks'),
  field('Proxy', proxyStruct, 'proxy'),
  field('Connect', connectStruct, 'connect'),
]
