import t from 'tap'

import { labelsBelow, parseName, parseReverseName } from '../../dns/name.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import { serviceTtlSeconds } from '../../dns/ttl.ts'
import { createZoneOf } from '../../dns/zone.ts'

const web = { kind: 'service', service: 'web', tag: '', datacenter: '' }

t.test('a name says what it asks for', async (t) => {
  const cases: readonly [name: string, form: object | undefined][] = [
    ['web.service', web],
    ['web.service.dc2', { ...web, datacenter: 'dc2' }],
    ['v1.web.service', { ...web, tag: 'v1' }],
    ['v1.2.web.service.dc1', { ...web, tag: 'v1.2', datacenter: 'dc1' }],
    ['_web._tcp.service', web],
    ['_web._v1.service', { ...web, tag: 'v1' }],
    ['_web._udp.service', { ...web, tag: 'udp' }],
    ['a._web._tcp.service', { ...web, service: '_tcp', tag: 'a._web' }],
    ['_web.service', { ...web, service: '_web' }],
    ['service.service', { ...web, service: 'service' }],
    ['web.connect', { kind: 'connect', service: 'web', datacenter: '' }],
    ['a.b.web.connect.dc2', { kind: 'connect', service: 'web', datacenter: 'dc2' }],
    ['web.ingress', { kind: 'ingress', service: 'web', datacenter: '' }],
    ['geo.db.query', { kind: 'query', query: 'geo.db', datacenter: '' }],
    ['n1.node', { kind: 'node', node: 'n1', datacenter: '' }],
    ['a.b.node.dc2', { kind: 'node', node: 'a.b', datacenter: 'dc2' }],
    ['0a000001.addr', { kind: 'addr', address: Uint8Array.of(10, 0, 0, 1) }],
    ['0a000001.addr.any.thing', { kind: 'addr', address: Uint8Array.of(10, 0, 0, 1) }],
    [
      `${'00'.repeat(15)}01.addr`,
      { kind: 'addr', address: Uint8Array.from([...Array<number>(15).fill(0), 1]) },
    ],
    ['0a0000.addr', { kind: 'addr', address: undefined }],
    ['zz.addr', { kind: 'addr', address: undefined }],
    ['0a0000011.addr', undefined],
    ['zz000001.addr', undefined],
    ['x.0a000001.addr', undefined],
    ['', undefined],
    ['web', undefined],
    ['service', undefined],
    ['node', undefined],
    ['web.service.a.dc1', undefined],
    ['web.virtual', undefined],
    ['_web._tcp', undefined],
    ['constructor', undefined],
    ['web.toString', undefined],
  ]
  for (const [name, form] of cases)
    t.strictSame(parseName(name === '' ? [] : name.split('.'), false), form, name)
})

t.test('an SRV question needs no marker after underscores', async (t) => {
  t.strictSame(parseName(['_web', '_tcp'], true), web)
  t.strictSame(parseName(['_web', '_v1', 'dc2'], true), { ...web, tag: 'v1', datacenter: 'dc2' })
  t.strictSame(parseName(['_web', '_tcp', 'a', 'dc2'], true), undefined)
})

t.test('a reverse name is an address written backwards', async (t) => {
  const cases: readonly [name: string, address: readonly number[] | undefined][] = [
    ['4.3.2.1.in-addr.arpa', [1, 2, 3, 4]],
    ['255.0.0.10.in-addr.arpa', [10, 0, 0, 255]],
    ['256.0.0.10.in-addr.arpa', undefined],
    ['04.3.2.1.in-addr.arpa', undefined],
    ['3.2.1.in-addr.arpa', undefined],
    ['5.4.3.2.1.in-addr.arpa', undefined],
    ['in-addr.arpa', undefined],
    [
      `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`,
      [0x20, 1, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1],
    ],
    [`g.${'0.'.repeat(31)}ip6.arpa`, undefined],
    ['arpa', undefined],
  ]
  for (const [name, address] of cases)
    t.strictSame(parseReverseName(name.split('.')), address && Uint8Array.from(address), name)
})

t.test('a name belongs to a zone', async (t) => {
  const zoneOf = createZoneOf({ ...defaultDnsSettings, altDomain: 'dc.consul' })
  t.strictSame(zoneOf(['consul']), { kind: 'domain', below: [] })
  t.strictSame(zoneOf(['a', 'b', 'consul']), { kind: 'domain', below: ['a', 'b'] })
  t.strictSame(zoneOf(['a', 'dc', 'consul']), { kind: 'domain', below: ['a'] })
  t.strictSame(zoneOf(['1', 'in-addr', 'arpa']), { kind: 'reverse' })
  t.strictSame(zoneOf(['arpa', 'example']), { kind: 'foreign' })
  t.strictSame(zoneOf(['xconsul']), { kind: 'foreign' })
  t.strictSame(zoneOf([]), { kind: 'foreign' })
  t.equal(labelsBelow(['a'], []), undefined)
})

t.test('the most exact configured time to live counts', async (t) => {
  const configured = { web: 5, 'w*': 6, 'we*': 8, '*': 9, 'x.y*': 3 }
  const cases = { web: 5, web2: 8, worker: 6, db: 9, 'x.yz': 3, toString: 9 }
  for (const [service, ttl] of Object.entries(cases))
    t.equal(serviceTtlSeconds(service, configured), ttl, service)
  t.equal(serviceTtlSeconds('web', {}), 0)
})
