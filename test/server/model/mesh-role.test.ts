import t from 'tap'

import { findMeshMistakes } from '../../../server/model/mesh-role.ts'
import type { Given } from '../../../server/model/registration.ts'
import type { Service } from '../../../server/model/service.ts'

const db = { DestinationName: 'db', LocalBindPort: 1 }

function mistakesOf(Proxy: Service['Proxy'], more: Partial<Service> = {}): string[] {
  const service: Given<Service> = {
    Kind: 'connect-proxy',
    ID: 'p',
    Service: 'p',
    Tags: null,
    Address: '',
    Meta: null,
    Port: 9000,
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Proxy: { DestinationServiceName: 'web', ...Proxy },
    Connect: {},
    ...more,
  }
  const text = findMeshMistakes(service)
  return text === undefined ? [] : Array.from(text.matchAll(/\* (.*)\n/g), ([, one = '']) => one)
}

t.test("what upstreams and exposed paths must not say, in Consul's words", (t) => {
  const paths = (...Paths: object[]): Service['Proxy'] => ({ Expose: { Paths } })
  const upstreams = (...Upstreams: object[]): Service['Proxy'] => ({ Upstreams })
  const cases: readonly [Service['Proxy'], readonly string[]][] = [
    [upstreams(db), []],
    [upstreams(db, { ...db, LocalBindPort: 2, Datacenter: 'dc2' }), []],
    [upstreams(db, { ...db, LocalBindPort: 2, DestinationType: 'prepared_query' }), []],
    [upstreams({}), ['upstream destination name cannot be empty']],
    [upstreams({ DestinationName: 'db' }), ['upstream local bind port cannot be zero']],
    [
      upstreams({ ...db, DestinationType: 'bogus' }),
      ['unknown upstream destination type: "bogus"'],
    ],
    [
      upstreams(db, { ...db, LocalBindPort: 2 }),
      [
        'upstreams cannot contain duplicates of [type="service", name="db", namespace="", datacenter=""]',
      ],
    ],
    [
      upstreams(db, { ...db, DestinationName: 'mq', LocalBindAddress: '127.0.0.1' }),
      [
        'upstreams cannot contain duplicates by local bind address and port; "127.0.0.1:1" is specified twice',
      ],
    ],
    [paths({ Path: '/', ListenerPort: 1, Protocol: 'HTTP2' }), []],
    [paths({}), ['expose.paths: empty path exposed', 'expose.paths: invalid listener port: 0']],
    [
      paths({ Path: '/', ListenerPort: 1 }, { Path: '/', ListenerPort: 70_000 }),
      ['expose.paths: duplicate paths exposed', 'expose.paths: invalid listener port: 70000'],
    ],
    [
      paths({ Path: '/a', ListenerPort: 1 }, { Path: '/b', ListenerPort: 1, Protocol: 'x' }),
      [
        'expose.paths: duplicate listener ports exposed',
        "protocol 'x' not supported for path: /b, must be in: [http http2]",
      ],
    ],
    [
      { DestinationServiceName: ' ' },
      ['Proxy.DestinationServiceName must be non-empty for Connect proxy services'],
    ],
  ]
  for (const [proxy, expected] of cases) t.strictSame(mistakesOf(proxy), expected)
  t.end()
})

t.test('what a gateway must not say', (t) => {
  t.strictSame(mistakesOf({ Upstreams: [db] }, { Kind: 'mesh-gateway', Port: 0 }), [
    'Port must be non-zero for a mesh-gateway',
    'The Proxy.DestinationServiceName configuration is invalid for a mesh-gateway',
    'The Proxy.Upstreams configuration is invalid for a mesh-gateway',
  ])
  t.end()
})
