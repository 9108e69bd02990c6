/**
 * What a filter may ask of a row. These tables are Consul's, learnt from its answers: what is not here is refused by name
 * (`Selector "X" is not valid`), and each kind of field knows some operators and refuses the others.
 */
export type Field =
  | { readonly kind: 'string' | 'integer' | 'boolean' | 'strings' }
  /** Keys are the client's own, so any selector below it is valid. */
  | { readonly kind: 'map'; readonly values: Field }
  | { readonly kind: 'struct'; readonly fields: FieldSet }
  /** A selector goes through the list: a comparison holds if it holds for one of its members. */
  | { readonly kind: 'structs'; readonly fields: FieldSet }

export type FieldSet = Readonly<Record<string, Field>>

const string: Field = { kind: 'string' }
const integer: Field = { kind: 'integer' }
const boolean: Field = { kind: 'boolean' }
const strings: Field = { kind: 'strings' }
const mapOf = (values: Field): Field => ({ kind: 'map', values })
const struct = (fields: FieldSet): Field => ({ kind: 'struct', fields })
const structs = (fields: FieldSet): Field => ({ kind: 'structs', fields })

const weights = struct({ Passing: integer, Warning: integer })
const serviceAddresses = mapOf(struct({ Address: string, Port: integer }))
const meshGateway = struct({ Mode: string })
const connect = struct({ Native: boolean })
const proxy = struct({
  DestinationServiceName: string,
  DestinationServiceID: string,
  LocalServiceAddress: string,
  LocalServicePort: integer,
  Upstreams: structs({
    DestinationType: string,
    DestinationNamespace: string,
    DestinationName: string,
    Datacenter: string,
    LocalBindAddress: string,
    LocalBindPort: integer,
    MeshGateway: meshGateway,
  }),
  MeshGateway: meshGateway,
  Expose: struct({
    Checks: boolean,
    Paths: structs({
      ListenerPort: integer,
      Path: string,
      LocalPathPort: integer,
      Protocol: string,
      ParsedFromCheck: boolean,
    }),
  }),
})

/** `/v1/catalog/nodes`. */
export const nodeFields: FieldSet = {
  ID: string,
  Node: string,
  Address: string,
  Datacenter: string,
  TaggedAddresses: mapOf(string),
  Meta: mapOf(string),
}

/** `/v1/catalog/node/:node`, `/v1/catalog/node-services/:node`, `/v1/agent/services`: the service rows. */
export const serviceFields: FieldSet = {
  Kind: string,
  ID: string,
  Service: string,
  Tags: strings,
  Address: string,
  TaggedAddresses: serviceAddresses,
  Meta: mapOf(string),
  Port: integer,
  Weights: weights,
  EnableTagOverride: boolean,
  Proxy: proxy,
  Connect: connect,
}

/** `/v1/catalog/service/:name`, `/v1/catalog/connect/:name`. */
export const catalogServiceFields: FieldSet = {
  ID: string,
  Node: string,
  Address: string,
  Datacenter: string,
  TaggedAddresses: mapOf(string),
  NodeMeta: mapOf(string),
  ServiceKind: string,
  ServiceID: string,
  ServiceName: string,
  ServiceTags: strings,
  ServiceAddress: string,
  ServiceTaggedAddresses: serviceAddresses,
  ServiceWeights: weights,
  ServiceMeta: mapOf(string),
  ServicePort: integer,
  ServiceEnableTagOverride: boolean,
  ServiceProxy: proxy,
  ServiceConnect: connect,
}

/** `/v1/health/{node,checks,state}/…`, `/v1/agent/checks`. */
export const checkFields: FieldSet = {
  Node: string,
  CheckID: string,
  Name: string,
  Status: string,
  Notes: string,
  Output: string,
  ServiceID: string,
  ServiceName: string,
  ServiceTags: strings,
  Type: string,
}

/** `/v1/health/{service,connect,ingress}/:name`, `/v1/internal/ui/services`. */
export const serviceNodeFields: FieldSet = {
  Node: struct(nodeFields),
  Service: struct(serviceFields),
  Checks: structs(checkFields),
}

/** `/v1/internal/ui/nodes`, whose rows are a node with its services and checks. */
export const nodeDumpFields: FieldSet = {
  ID: string,
  Node: string,
  Address: string,
  TaggedAddresses: mapOf(string),
  Meta: mapOf(string),
  Services: structs(serviceFields),
  Checks: structs(checkFields),
}
