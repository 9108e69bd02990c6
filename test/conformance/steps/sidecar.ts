import { type Family, get, type HttpStep, put } from '../step.ts'

const service = (name: string, body: object | string, extra: Partial<HttpStep> = {}): HttpStep =>
  put('/v1/agent/service/register', body, { ...extra, name: `service: ${name}` })
const gone = (id: string): HttpStep =>
  put(`/v1/agent/service/deregister/${id}`, undefined, { name: `remove ${id}` })
const look = (after: string): readonly HttpStep[] => [
  get('/v1/agent/services', { name: `services: ${after}` }),
  get('/v1/agent/checks', { name: `checks: ${after}` }),
]
const sidecar = (name: string, given: object, others: object = {}): HttpStep =>
  service(name, { Name: 'web', Port: 80, Connect: { SidecarService: given }, ...others })
const proxy = (name: string, given: object, others: object = {}): HttpStep =>
  service(name, {
    Name: 'p',
    Port: 9000,
    Kind: 'connect-proxy',
    Proxy: { DestinationServiceName: 'web', ...given },
    ...others,
  })
const gateway = (name: string, others: object): HttpStep =>
  service(name, { Name: 'g', Kind: 'mesh-gateway', ...others })

/** Services that come with a proxy beside them, and what a proxy may say. */
export const sidecars: Family = {
  name: 'sidecar',
  steps: [
    sidecar('a sidecar of which nothing is said', {}),
    ...look('a sidecar'),
    get('/v1/agent/service/web'),
    get('/v1/agent/service/web-sidecar-proxy'),
    get('/v1/catalog/service/web-sidecar-proxy', { until: 'ServiceID' }),
    get('/v1/catalog/connect/web', { until: 'ServiceID' }),
    get('/v1/health/connect/web', { until: 'No checks found' }),
    sidecar('the same again', {}),
    ...look('the same again'),
    sidecar('a second one finds the next port', {}, { ID: 'web2', Tags: ['t'], Meta: { k: 'v' } }),
    ...look('a second one'),
    sidecar('a port of its own', { Port: 4000 }, { ID: 'web2' }),
    ...look('a port of its own'),
    gone('web2'),
    ...look('the second one is gone'),
    sidecar(
      'everything about it',
      {
        Name: 'other',
        Tags: ['x'],
        Meta: { m: '1' },
        Address: '127.0.0.3',
        Port: 4001,
        Token: 'itsown',
        Weights: { Passing: 5, Warning: 2 },
        EnableTagOverride: true,
        Check: { TTL: '1h', Status: 'passing' },
        Proxy: {
          DestinationServiceName: 'elsewhere',
          DestinationServiceID: 'elsewhere1',
          LocalServiceAddress: '127.0.0.7',
          LocalServicePort: 1234,
          Config: { a: 1 },
          Upstreams: [
            { DestinationName: 'db', LocalBindPort: 5000 },
            { DestinationType: 'prepared_query', DestinationName: 'q', LocalBindPort: 5001 },
          ],
          MeshGateway: { Mode: 'local' },
          Expose: { Checks: true, Paths: [{ Path: '/h', ListenerPort: 6000, LocalPathPort: 80 }] },
        },
      },
      { Tags: ['parent'], Meta: { p: '2' } },
    ),
    ...look('everything about it'),
    get('/v1/agent/service/web-sidecar-proxy', { name: 'service: everything about it' }),
    get('/v1/catalog/service/other', { until: 'ServiceID' }),
    sidecar('checks of its own', { Checks: [{ TTL: '1h' }, { Name: 'n', TTL: '2h' }] }),
    ...look('checks of its own'),
    sidecar('an address of the service', {}, { Address: '127.0.0.9' }),
    ...look('an address of the service'),
    sidecar('a weight of the service', {}, { Weights: { Passing: 7, Warning: 1 } }),
    ...look('a weight of the service'),
    service('the service again without it', { Name: 'web', Port: 80 }),
    ...look('without it'),
    sidecar('a proxy with a local path', {
      Proxy: { LocalServiceAddress: '::1' },
    }),
    ...look('a proxy that looks at ::1'),
    gone('web-sidecar-proxy'),
    ...look('only the sidecar is gone'),
    gone('web'),
    ...look('all is gone'),

    sidecar('an id', { ID: 'mine' }),
    sidecar('a nested sidecar', { Connect: { SidecarService: {} } }),
    sidecar('a native sidecar', { Connect: { Native: true } }),
    sidecar('of a kind', { Kind: 'mesh-gateway', Port: 1 }),
    sidecar('of no kind at all', { Kind: 'bogus', Port: 1 }),
    ...look('kinds'),
    gone('web'),
    sidecar('a bad meta key', { Meta: { 'bad key': '1' } }),
    sidecar('weights of 0', { Weights: { Passing: 0, Warning: 0 } }),
    sidecar('a bad address', { Address: '0.0.0.0' }),
    ...look('a bad address'),
    gone('web'),
    sidecar('a check that can not be', { Check: { HTTP: 'http://127.0.0.1:1' } }),
    sidecar('a script', { Check: { Args: ['true'], Interval: '10s' } }),
    sidecar('a negative port', { Port: -1 }),
    ...look('a negative port'),
    gone('web'),
    sidecar('an unknown field', { Bogus: 1 }),
    sidecar('no name', {}, { Name: '' }),
    sidecar('of a native service', {}, { Connect: { Native: true, SidecarService: {} } }),
    ...look('of a native service'),
    gone('web'),
    service('null', '{"Name":"web","Port":80,"Connect":{"SidecarService":null}}'),
    ...look('null'),
    gone('web'),
    service('in snake case', {
      name: 'web',
      port: 80,
      connect: {
        sidecar_service: {
          port: 4009,
          proxy: {
            local_service_port: 12,
            upstreams: [{ destination_name: 'db', local_bind_port: 5000, datacenter: 'dc2' }],
          },
        },
      },
    }),
    ...look('in snake case'),
    gone('web'),
    service('native', { Name: 'nat', Port: 1, Connect: { Native: true } }),
    get('/v1/agent/service/nat'),
    get('/v1/catalog/connect/nat', { until: 'ServiceID' }),
    gone('nat'),

    proxy('a whole proxy', {
      DestinationServiceID: 'web1',
      LocalServicePort: 1,
      Upstreams: [{ DestinationName: 'db', LocalBindPort: 1, Config: { x: 'y' } }],
    }),
    get('/v1/agent/service/p'),
    gone('p'),
    proxy('of everything', { DestinationServiceName: '*' }),
    gone('p'),
    proxy('an upstream without a name', { Upstreams: [{ LocalBindPort: 1 }] }),
    proxy('an upstream without a port', { Upstreams: [{ DestinationName: 'db' }] }),
    proxy('an upstream of everything', {
      Upstreams: [{ DestinationName: '*', LocalBindPort: 1 }],
    }),
    proxy('an upstream of a bogus type', {
      Upstreams: [{ DestinationType: 'bogus', DestinationName: 'db', LocalBindPort: 1 }],
    }),
    proxy('an upstream twice', {
      Upstreams: [
        { DestinationName: 'db', LocalBindPort: 1 },
        { DestinationName: 'db', LocalBindPort: 2 },
      ],
    }),
    proxy('an upstream twice in different datacenters', {
      Upstreams: [
        { DestinationName: 'db', LocalBindPort: 1 },
        { DestinationName: 'db', LocalBindPort: 2, Datacenter: 'dc2' },
      ],
    }),
    proxy('a query and a service of one name', {
      Upstreams: [
        { DestinationName: 'db', LocalBindPort: 1 },
        { DestinationName: 'db', LocalBindPort: 2, DestinationType: 'prepared_query' },
      ],
    }),
    proxy('a query twice', {
      Upstreams: [
        { DestinationType: 'prepared_query', DestinationName: 'db', LocalBindPort: 1 },
        { DestinationType: 'prepared_query', DestinationName: 'db', LocalBindPort: 2 },
      ],
    }),
    proxy('two upstreams on one port', {
      Upstreams: [
        { DestinationName: 'db', LocalBindPort: 1 },
        { DestinationName: 'mq', LocalBindPort: 1 },
      ],
    }),
    proxy('two upstreams on one address', {
      Upstreams: [
        { DestinationName: 'db', LocalBindPort: 1, LocalBindAddress: '::1' },
        { DestinationName: 'mq', LocalBindPort: 1, LocalBindAddress: '::1' },
        { DestinationName: 'no', LocalBindPort: 1, LocalBindAddress: '127.0.0.1' },
      ],
    }),
    proxy('many faults', {
      DestinationServiceName: ' ',
      Upstreams: [{}, { DestinationName: 'db' }],
      Expose: { Paths: [{ Path: '' }] },
    }),
    proxy('an exposed path without a path', { Expose: { Paths: [{ ListenerPort: 1 }] } }),
    proxy('an exposed path without a port', { Expose: { Paths: [{ Path: '/' }] } }),
    proxy('an exposed path with a large port', {
      Expose: { Paths: [{ Path: '/', ListenerPort: 70_000 }] },
    }),
    proxy('an exposed path of a bogus protocol', {
      Expose: { Paths: [{ Path: '/', ListenerPort: 1, Protocol: 'Bogus' }] },
    }),
    proxy('an exposed path in capitals', {
      Expose: { Paths: [{ Path: '/', ListenerPort: 1, LocalPathPort: 2, Protocol: 'HTTP2' }] },
    }),
    get('/v1/agent/service/p', { name: 'service: an exposed path in capitals' }),
    proxy('two paths', {
      Expose: {
        Paths: [
          { Path: '/', ListenerPort: 1 },
          { Path: '/', ListenerPort: 2 },
        ],
      },
    }),
    proxy('two paths on one port', {
      Expose: {
        Paths: [
          { Path: '/a', ListenerPort: 1 },
          { Path: '/b', ListenerPort: 1 },
        ],
      },
    }),
    proxy('a gateway mode', { MeshGateway: { Mode: 'remote' } }),
    get('/v1/agent/service/p', { name: 'service: a gateway mode' }),
    proxy('a bogus gateway mode', { MeshGateway: { Mode: 'bogus' } }),
    proxy('a proxy with a sidecar', {}, { Connect: { SidecarService: {} } }),
    ...look('a proxy with a sidecar'),
    gone('p'),

    gateway('a gateway without a port', {}),
    gateway('a gateway', { Port: 1 }),
    get('/v1/agent/service/g'),
    gateway('a gateway with a sidecar', { Port: 1, Connect: { SidecarService: {} } }),
    gateway('a native gateway', { Port: 1, Connect: { Native: true } }),
    gateway('a gateway to somewhere', { Port: 1, Proxy: { DestinationServiceName: 'x' } }),
    gateway('a gateway with everything', {
      Port: 1,
      Proxy: {
        DestinationServiceName: 'x',
        DestinationServiceID: 'x',
        LocalServiceAddress: 'x',
        LocalServicePort: 1,
        Upstreams: [{ DestinationName: 'x', LocalBindPort: 1 }],
      },
    }),
    service('an ingress gateway without a port', { Name: 'g', Kind: 'ingress-gateway' }),
    get('/v1/agent/service/g', { name: 'service: an ingress gateway' }),
    service('a terminating gateway without a port', { Name: 'g', Kind: 'terminating-gateway' }),
    gone('g'),
    service('a proxy of a plain service', {
      Name: 'x',
      Port: 1,
      Proxy: { DestinationServiceName: 'y', Upstreams: [{ DestinationName: 'z' }] },
    }),
    get('/v1/agent/service/x'),
    gone('x'),
  ],
}
