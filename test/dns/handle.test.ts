import t from 'tap'

import { createHandle } from '../../dns/handle.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import type { DnsSettings } from '../../dns/settings.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { Catalog } from './catalog.ts'
import type { Instance } from './catalog.ts'
import { ask, portsOn, soa, tell } from './wire.ts'
import type { AskOptions, Told } from './wire.ts'

type Test = Pick<typeof t, 'strictSame'>

/** What the answers in these tables were compared with: Consul 1.8.7 with the same catalog. */
const instances: readonly Instance[] = [
  { node: 'n1', address: '127.0.0.1', service: 'consul', port: 8300 },
  { node: 'w1', address: '10.0.0.1', service: 'web', port: 80, tags: ['v1', 'v1.2'] },
  { node: 'w2', address: '10.0.0.2', service: 'web', port: 80, meta: { os: 'linux' } },
  {
    node: 'foo.bar',
    address: '10.1.0.1',
    meta: { 'a=b': 'c`d', 'rfc1035-x': 'plain', ' sp ': 'v' },
  },
  {
    node: 'Upper',
    address: '10.1.0.2',
    service: 'Cased',
    port: 8080,
    own: '10.9.9.9',
    tags: ['Prod'],
  },
  { node: 'six', address: '2001:db8::1', service: 'six', port: 90 },
  { node: 'v4n', address: '10.1.0.20', service: 'v6on4', port: 9, own: '2001:db8::99' },
  { node: 'ext', address: 'www.example.com', service: 'ext', port: 443 },
  { node: 'ext3', address: '10.1.0.4', service: 'inner', port: 443, own: 'w1.node.consul' },
  { node: 'ext5', address: '10.1.0.4', service: 'selfie', port: 443, own: 'selfie.service.consul' },
  { node: 'loop', address: '10.1.0.4', service: 'loop', port: 1, own: 'pool.service.consul' },
  { node: 'pool', address: '10.1.0.4', service: 'pool', port: 1, own: 'loop.service.consul' },
  { node: 'crit', address: '10.1.0.5', service: 'crit', port: 1, status: 'critical' },
  {
    node: 'warn',
    address: '10.1.0.6',
    service: 'warn',
    port: 1,
    status: 'warning',
    weights: [10, 3],
  },
  {
    node: 'tag4',
    address: '10.1.0.7',
    nodeTagged: { lan_ipv6: '2001:db8::7', lan_ipv4: '10.1.0.77', wan: '1.2.3.4' },
    service: 'tagged',
    port: 5,
    tagged: { lan_ipv6: '2001:db8::70', wan: '9.9.9.9' },
  },
  { node: 'dup', address: '10.1.0.9', service: 'dup', port: 5 },
  { node: 'dup', address: '10.1.0.9', service: 'dup', port: 6 },
  {
    node: 'prox',
    address: '10.1.0.10',
    service: 'web-sidecar-proxy',
    port: 21_000,
    proxyFor: 'web',
  },
  { node: 'mix1', address: '10.1.0.12', service: 'mixed', port: 9, own: 'a.example.com' },
  { node: 'mix2', address: '10.1.0.13', service: 'mixed', port: 9 },
  { node: `x${'y'.repeat(70)}`, address: '10.1.0.16', service: 'long', port: 9 },
]

interface Case extends Omit<AskOptions, 'flags'>, Partial<Told> {
  readonly question: string
}

/** Sections that a case doesn't name are empty. */
async function check(
  t: Test,
  cases: readonly Case[],
  settings: Partial<DnsSettings> = {},
): Promise<void> {
  const handle = createHandle(portsOn(new Catalog(instances)), {
    ...defaultDnsSettings,
    ...settings,
  })
  for (const { question, flags = '8500', answers, authority, additional, ...options } of cases) {
    const expected = { flags, answers: answers ?? [], authority: authority ?? [] }
    t.strictSame(
      tell(await handle(ask(question, options), 'udp')),
      { ...expected, additional: additional ?? [] },
      question,
    )
  }
}

const nameError = { flags: '8503', authority: [soa] }
const noData = { authority: [soa] }

t.test('services', (t) =>
  check(t, [
    {
      question: 'web.service.consul',
      answers: ['web.service.consul. 0 A 10.0.0.1', 'web.service.consul. 0 A 10.0.0.2'],
    },
    {
      question: 'v1.2.web.service.dc1.consul',
      answers: ['v1.2.web.service.dc1.consul. 0 A 10.0.0.1'],
    },
    { question: 'V1.WEB.Service.CONSUL', answers: ['V1.WEB.Service.CONSUL. 0 A 10.0.0.1'] },
    { question: '_web._v1.service.consul', answers: ['_web._v1.service.consul. 0 A 10.0.0.1'] },
    { question: 'prod.cased.service.consul', answers: ['prod.cased.service.consul. 0 A 10.9.9.9'] },
    { question: 'web.service.consul AAAA', ...noData },
    { question: 'web.service.consul MX', ...noData },
    { question: 'v1.web.service.consul TXT', answers: ['v1.web.service.consul. 0 A 10.0.0.1'] },
    { question: 'v1.web.service.consul ANY', answers: ['v1.web.service.consul. 0 A 10.0.0.1'] },
    { question: 'six.service.consul AAAA', answers: ['six.service.consul. 0 AAAA 2001:db8::1'] },
    { question: 'six.service.consul', ...noData },
    { question: 'v6on4.service.consul', ...noData },
    {
      question: 'v6on4.service.consul ANY',
      answers: ['v6on4.service.consul. 0 AAAA 2001:db8::99'],
    },
    { question: 'tagged.service.consul', answers: ['tagged.service.consul. 0 A 10.1.0.77'] },
    {
      question: 'tagged.service.consul ANY',
      answers: ['tagged.service.consul. 0 AAAA 2001:db8::70'],
    },
    { question: 'dup.service.consul', answers: ['dup.service.consul. 0 A 10.1.0.9'] },
    { question: 'warn.service.consul', answers: ['warn.service.consul. 0 A 10.1.0.6'] },
    { question: 'crit.service.consul', ...nameError },
    { question: 'nope.service.consul', ...nameError },
    { question: 'nope.web.service.consul', ...nameError },
    { question: 'web.service.dc9.consul', ...nameError },
    { question: 'web.service.a.dc1.consul', ...nameError },
    { question: 'service.consul', ...nameError },
    { question: 'web.connect.consul', answers: ['web.connect.consul. 0 A 10.1.0.10'] },
    { question: 'db.connect.consul', ...nameError },
    { question: 'web.ingress.consul', ...nameError },
    { question: 'web.query.consul', ...nameError },
    { question: 'web.virtual.consul', ...nameError },
  ]),
)

t.test('services by SRV', (t) =>
  check(t, [
    {
      question: '_web._v1.consul SRV',
      answers: ['_web._v1.consul. 0 SRV 1 1 80 w1.node.dc1.consul.'],
      additional: ['w1.node.dc1.consul. 0 A 10.0.0.1'],
    },
    {
      question: 'web.service.consul SRV',
      answers: [
        'web.service.consul. 0 SRV 1 1 80 w1.node.dc1.consul.',
        'web.service.consul. 0 SRV 1 1 80 w2.node.dc1.consul.',
      ],
      additional: [
        'w1.node.dc1.consul. 0 A 10.0.0.1',
        'w2.node.dc1.consul. 0 A 10.0.0.2',
        'w2.node.dc1.consul. 0 TXT ["os=linux"]',
      ],
    },
    {
      question: 'cased.service.consul SRV',
      answers: ['cased.service.consul. 0 SRV 1 1 8080 0a090909.addr.dc1.consul.'],
      additional: ['0a090909.addr.dc1.consul. 0 A 10.9.9.9'],
    },
    {
      question: 'dup.service.consul SRV',
      answers: [
        'dup.service.consul. 0 SRV 1 1 5 dup.node.dc1.consul.',
        'dup.service.consul. 0 SRV 1 1 6 dup.node.dc1.consul.',
      ],
      additional: ['dup.node.dc1.consul. 0 A 10.1.0.9', 'dup.node.dc1.consul. 0 A 10.1.0.9'],
    },
    {
      question: 'warn.service.consul SRV',
      answers: ['warn.service.consul. 0 SRV 1 3 1 warn.node.dc1.consul.'],
      additional: ['warn.node.dc1.consul. 0 A 10.1.0.6'],
    },
    { question: 'long.service.consul', answers: ['long.service.consul. 0 A 10.1.0.16'] },
    // Consul gives no answer at all where a name can't be encoded.
    { question: 'long.service.consul SRV', flags: '8502' },
  ]),
)

t.test('services outside', (t) =>
  check(t, [
    { question: 'ext.service.consul', answers: ['ext.service.consul. 0 CNAME www.example.com.'] },
    {
      question: 'ext.service.consul MX',
      answers: ['ext.service.consul. 0 CNAME www.example.com.'],
    },
    {
      question: 'ext.service.consul SRV',
      answers: ['ext.service.consul. 0 SRV 1 1 443 www.example.com.'],
    },
    {
      question: 'inner.service.consul',
      answers: ['inner.service.consul. 0 CNAME w1.node.consul.', 'w1.node.consul. 0 A 10.0.0.1'],
    },
    {
      question: 'inner.service.consul SRV',
      answers: ['inner.service.consul. 0 SRV 1 1 443 w1.node.consul.'],
      additional: ['w1.node.consul. 0 A 10.0.0.1'],
    },
    { question: 'selfie.service.consul', answers: ['selfie.service.consul. 0 A 10.1.0.4'] },
    { question: 'selfie.service.consul AAAA', ...noData },
    { question: 'mixed.service.consul', answers: ['mixed.service.consul. 0 A 10.1.0.13'] },
    {
      question: 'mixed.service.consul AAAA',
      answers: ['mixed.service.consul. 0 CNAME a.example.com.'],
    },
    {
      question: 'loop.service.consul',
      answers: [
        'loop.service.consul. 0 CNAME pool.service.consul.',
        'loop.service.consul. 0 CNAME pool.service.consul.',
        'pool.service.consul. 0 CNAME loop.service.consul.',
        'pool.service.consul. 0 CNAME loop.service.consul.',
      ].slice(0, 3),
    },
  ]),
)

t.test('nodes', (t) => {
  const meta = [
    'foo.bar.node.consul. 0 TXT ["` sp` =v"]',
    'foo.bar.node.consul. 0 TXT ["a`=b=c``d"]',
    'foo.bar.node.consul. 0 TXT ["plain"]',
  ]
  const address = 'foo.bar.node.consul. 0 A 10.1.0.1'
  return check(t, [
    { question: 'foo.bar.node.consul', answers: [address], additional: meta },
    { question: 'foo.bar.node.consul ANY', answers: [address, ...meta] },
    { question: 'foo.bar.node.consul TXT', answers: meta },
    { question: 'foo.bar.node.consul AAAA', additional: meta },
    { question: 'foo.bar.node.consul SRV' },
    { question: 'bar.node.consul SRV' },
    { question: 'bar.node.consul', ...nameError },
    { question: 'w1.node.dc9.consul', ...nameError },
    { question: 'UPPER.node.dc1.consul', answers: ['UPPER.node.dc1.consul. 0 A 10.1.0.2'] },
    { question: 'ext.node.consul', answers: ['ext.node.consul. 0 CNAME www.example.com.'] },
    { question: 'tag4.node.consul ANY', answers: ['tag4.node.consul. 0 AAAA 2001:db8::7'] },
    { question: 'tag4.node.consul', answers: ['tag4.node.consul. 0 A 10.1.0.77'] },
    { question: 'six.node.consul' },
  ])
})

t.test('addresses', (t) =>
  check(t, [
    { question: '0A00000F.addr.consul MX', answers: ['0a00000f.addr.consul. 0 A 10.0.0.15'] },
    {
      question: '20010db8000000000000000000000001.addr.consul',
      answers: ['20010db8000000000000000000000001.addr.consul. 0 AAAA 2001:db8::1'],
    },
    { question: '0a0000.addr.consul' },
    { question: 'zz000001.addr.consul', ...nameError },
    {
      question: '1.0.0.10.in-addr.arpa PTR',
      answers: ['1.0.0.10.in-addr.arpa. 0 PTR w1.node.dc1.consul.'],
    },
    {
      question: '1.0.0.10.IN-ADDR.arpa A',
      answers: ['1.0.0.10.IN-ADDR.arpa. 0 PTR w1.node.dc1.consul.'],
    },
    {
      question: '9.9.9.10.in-addr.arpa SOA',
      answers: ['9.9.9.10.in-addr.arpa. 0 PTR Cased.service.dc1.consul.'],
      authority: [soa],
    },
    {
      question: `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa PTR`,
      answers: [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa. 0 PTR six.node.dc1.consul.`],
    },
    { question: '99.99.99.10.in-addr.arpa PTR', flags: '8182' },
    {
      question: '99.99.99.10.in-addr.arpa PTR',
      edns: 1232,
      flags: '8182',
      additional: ['OPT 1232'],
    },
    { question: 'x.arpa PTR', flags: '8182' },
  ]),
)

t.test('the zone', (t) => {
  const servers = ['consul. 0 NS n1.node.dc1.consul.']
  const glue = ['n1.node.dc1.consul. 0 A 127.0.0.1']
  return check(t, [
    { question: 'consul SOA', answers: [soa], authority: servers, additional: glue },
    { question: 'any.thing.consul SOA', answers: [soa], authority: servers, additional: glue },
    { question: 'consul NS', answers: servers, additional: glue },
    { question: 'nope.service.consul NS', answers: servers, additional: glue },
    { question: 'consul', ...nameError },
    { question: 'foo.consul ANY', ...nameError },
    { question: 'consul AXFR', flags: '8504' },
    { question: 'example.com', flags: '8105' },
    { question: 'example.com', edns: 4096, flags: '8105' },
    { question: '', flags: '8105' },
    {
      question: 'v1.web.service.consul',
      class: 3,
      answers: ['v1.web.service.consul. 0 A 10.0.0.1'],
    },
  ])
})

t.test('EDNS comes back with the size and the subnet that were sent', (t) => {
  const answers = ['v1.web.service.consul. 0 A 10.0.0.1']
  const subnet = (family: number, bits: number, ip: string): string =>
    JSON.stringify({ ednsCode: 8, family, sourcePrefixLength: bits, scopePrefixLength: 0, ip })
  const question = 'v1.web.service.consul'
  return check(t, [
    { question, edns: 300, answers, additional: ['OPT 300'] },
    { question, edns: 4096, option: '000a00080102030405060708', answers, additional: ['OPT 4096'] },
    {
      question,
      edns: 1232,
      option: '0008000700011800c00002',
      answers,
      additional: [`OPT 1232 ${subnet(1, 24, '192.0.2.0')}`],
    },
    {
      question,
      edns: 1232,
      option: '0008000600010c05c0ff',
      answers,
      additional: [`OPT 1232 ${subnet(1, 12, '192.240.0.0')}`],
    },
    {
      question,
      edns: 1232,
      option: '0008000800022000 20010db8'.replace(' ', ''),
      answers,
      additional: [`OPT 1232 ${subnet(2, 32, '2001:db8:0:0:0:0:0:0')}`],
    },
    { question: 'nope.consul', edns: 1232, ...nameError, additional: ['OPT 1232'] },
  ])
})

t.test('settings', async (t) => {
  const strict = { onlyPassing: true, enableAdditionalNodeMetaTxt: false, disableCompression: true }
  const ttls = { nodeTtlSeconds: 7, serviceTtlSeconds: { web: 5, '*': 9 } }
  const soaSettings = { refreshSeconds: 1, retrySeconds: 2, expireSeconds: 3, minTtlSeconds: 4 }
  const soaOfOurs = 'consul. 4 SOA ns.consul. hostmaster.consul. 1767268800 1 2 3 4'
  await check(
    t,
    [
      {
        question: 'v1.web.service.alt.example',
        answers: ['v1.web.service.alt.example. 5 A 10.0.0.1'],
      },
      {
        question: 'cased.service.consul SRV',
        answers: ['cased.service.consul. 9 SRV 1 1 8080 0a090909.addr.dc1.consul.'],
        additional: ['0a090909.addr.dc1.consul. 9 A 10.9.9.9'],
      },
      { question: 'foo.bar.node.consul', answers: ['foo.bar.node.consul. 7 A 10.1.0.1'] },
      { question: 'warn.service.consul', flags: '8503', authority: [soaOfOurs] },
      { question: 'nope.alt.example', flags: '8503', authority: [soaOfOurs] },
      {
        question: '0a000001.addr.alt.example',
        answers: ['0a000001.addr.alt.example. 7 A 10.0.0.1'],
      },
      {
        question: 'inner.service.consul',
        answers: ['inner.service.consul. 9 CNAME w1.node.consul.', 'w1.node.consul. 9 A 10.0.0.1'],
      },
    ],
    { ...strict, ...ttls, soa: soaSettings, altDomain: 'alt.example' },
  )
})

t.test('what the cluster says becomes a code', async (t) => {
  const catalog = new Catalog(instances)
  const handle = createHandle(portsOn(catalog), defaultDnsSettings)
  const flagsOf = async (question: string): Promise<string | undefined> =>
    tell(await handle(ask(question), 'udp'))?.flags

  catalog.failure = new PraetorError('failed', 'No cluster leader')
  t.equal(await flagsOf('web.service.consul'), '8502')
  t.equal(await flagsOf('n1.node.consul'), '8502')
  t.equal(await flagsOf('1.0.0.10.in-addr.arpa PTR'), '8182')
  t.equal(await flagsOf('consul SOA'), '8500')
  t.equal(await flagsOf('0a000001.addr.consul'), '8500')
  catalog.failure = new PraetorError('denied', 'Permission denied')
  t.equal(await flagsOf('web.service.consul'), '8503')
  catalog.failure = 'not even an error'
  t.equal(await flagsOf('web.service.consul'), '8502')
})

t.test('an answer too stale is asked of the leader', async (t) => {
  const catalog = new Catalog(instances)
  const ask1 = ask('web.service.consul')
  const consistencies = (): unknown[] =>
    catalog.asked.splice(0).map(({ options }) => options?.consistency)
  const handle = createHandle(portsOn(catalog), { ...defaultDnsSettings, maxStaleMs: 10_000 })
  await handle(ask1, 'tcp')
  t.strictSame(consistencies(), ['stale'])
  catalog.lastContactMs = 9000
  await handle(ask1, 'tcp')
  t.strictSame(consistencies(), ['stale'])
  catalog.lastContactMs = 11_000
  await handle(ask1, 'tcp')
  t.strictSame(consistencies(), ['stale', 'default'])
  const leaderOnly = createHandle(portsOn(catalog), { ...defaultDnsSettings, allowStale: false })
  await leaderOnly(ask1, 'tcp')
  t.strictSame(consistencies(), ['default'])
})
