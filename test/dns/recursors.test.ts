import t from 'tap'

import type { Exchange, ExchangeOptions } from '../../dns/exchange.ts'
import { createHandle } from '../../dns/handle.ts'
import type { Handle } from '../../dns/handle.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import type { DnsSettings } from '../../dns/settings.ts'
import { Catalog } from './catalog.ts'
import { ask, portsOn, soa, tell } from './wire.ts'

const instances = [
  { node: 'w1', address: '10.0.0.1', service: 'web', port: 80, meta: { os: 'linux' } },
  { node: 'ext', address: 'far.example.com', service: 'ext', port: 443 },
  { node: 'own', address: '10.0.0.3', service: 'own', port: 5, own: 'w1.node.consul' },
  { node: 'hop', address: '10.0.0.4', service: 'hop', port: 6, own: 'ext.service.consul' },
  { node: 'many', address: 'many.example.com' },
  { node: 'gone', address: 'gone.example.com' },
]

interface Sent extends ExchangeOptions {
  readonly message: Buffer
  readonly host: string
}

/** What a server answers to a name: records in hexadecimal digits, which may point to the name at 0xc00c, and a code. */
interface Reply {
  readonly records?: readonly string[]
  readonly rcode?: number
}

type Servers = Readonly<Record<string, Readonly<Record<string, Reply>>>>

/** Two servers, of which the first knows little. */
const servers: Servers = {
  '192.0.2.1': {
    'www.example.com': { rcode: 5 },
    'nobody.example.com': { rcode: 3 },
    'broken.example.com': { rcode: 2 },
    'far.example.com': { records: [address(1), alias('mid.example.com')] },
    'many.example.com': { records: [1, 2, 3, 4, 5, 6, 7].map((last) => address(last)) },
    'gone.example.com': { rcode: 2 },
    '9.9.9.9.in-addr.arpa': { records: [address(9)] },
  },
  '192.0.2.2': {
    'www.example.com': { records: [address(1), address(2)] },
    'nobody.example.com': { records: [address(3)] },
    'broken.example.com': { rcode: 2 },
    'gone.example.com': { rcode: 2 },
    'only.example.com': { records: [address(4)] },
  },
}

const settings: DnsSettings = {
  ...defaultDnsSettings,
  recursors: Object.keys(servers).map((host) => ({ host, port: 53 })),
  recursorTimeoutMs: 1500,
}

function address(last: number): string {
  return `c00c000100010000003700040a0000${String(last).padStart(2, '0')}`
}

function alias(target: string): string {
  const labels = target.split('.').map((label) => String.fromCharCode(label.length) + label)
  const name = Buffer.from(`${labels.join('')}\0`, 'latin1')
  return `c00c0005000100000042${name.length.toString(16).padStart(4, '0')}${name.toString('hex')}`
}

/** Servers that answer from a table, and that don't where it has no row. */
function start(given: Partial<DnsSettings> = {}): { handle: Handle; sent: Sent[] } {
  const sent: Sent[] = []
  const exchange: Exchange = async (message, { host }, options) => {
    sent.push({ message: Buffer.from(message), host, ...options })
    const reply = servers[host]?.[nameOf(message)]
    if (reply === undefined) throw new Error('i/o timeout')
    return answerTo(message, reply)
  }
  const ports = { ...portsOn(new Catalog(instances)), exchange }
  return { handle: createHandle(ports, { ...settings, ...given }), sent }
}

function nameOf(message: Buffer): string {
  const labels: string[] = []
  for (let at = 12; message[at] !== 0; at += 1 + (message[at] ?? 0))
    labels.push(message.toString('latin1', at + 1, at + 1 + (message[at] ?? 0)))
  return labels.join('.').toLowerCase()
}

function answerTo(message: Buffer, { records = [], rcode = 0 }: Reply): Buffer {
  const end = 12 + nameOf(message).length + 2 + 4
  const answer = Buffer.concat([message.subarray(0, end), Buffer.from(records.join(''), 'hex')])
  answer.writeUInt16BE(0x8180 | rcode, 2)
  answer.writeUInt16BE(records.length, 6)
  answer.writeUInt16BE(0, 10)
  return answer
}

t.test('what is not ours is asked of the recursors in turn, and passed on as it is', async (t) => {
  const cases: readonly [
    question: string,
    flags: string,
    answers: readonly string[],
    asked: number,
  ][] = [
    [
      'www.example.com',
      '8180',
      ['www.example.com. 55 A 10.0.0.1', 'www.example.com. 55 A 10.0.0.2'],
      2,
    ],
    ['only.example.com', '8180', ['only.example.com. 55 A 10.0.0.4'], 2],
    ['nobody.example.com', '8183', [], 1],
    ['broken.example.com', '8182', [], 2],
    ['silent.example.com', '8182', [], 2],
    ['9.9.9.9.in-addr.arpa PTR', '8180', ['9.9.9.9.in-addr.arpa. 55 A 10.0.0.9'], 1],
    ['1.0.0.10.in-addr.arpa PTR', '8580', ['1.0.0.10.in-addr.arpa. 0 PTR w1.node.dc1.consul.'], 0],
    ['nowhere.arpa', '8182', [], 2],
  ]
  for (const [question, flags, answers, asked] of cases)
    for (const transport of ['udp', 'tcp'] as const) {
      const { handle, sent } = start()
      const message = ask(question, { id: 0x4321 })
      const answer = await handle(message, transport)
      t.equal(answer?.readUInt16BE(0), 0x4321)
      t.match(tell(answer), { flags, answers }, question)
      t.strictSame(
        sent.map(({ host }) => host),
        Object.keys(servers).slice(0, asked),
      )
      for (const one of sent) {
        t.match(one, { transport, timeoutMs: 1500, sizeMaxBytes: 512 })
        t.strictSame(one.message.subarray(2), message.subarray(2), 'nothing is changed but the id')
      }
      if (asked === 2) t.notSame(sent[0]?.message, sent[1]?.message, 'each has an id of its own')
    }
})

t.test(
  'a recursor may answer as much as the asker takes, who is told where nobody did',
  async (t) => {
    const { handle, sent } = start()
    const answer = await handle(ask('silent.example.com', { edns: 1232 }), 'udp')
    t.strictSame(tell(answer), {
      flags: '8182',
      answers: [],
      authority: [],
      additional: ['OPT 1232'],
    })
    t.strictSame(
      sent.map(({ sizeMaxBytes }) => sizeMaxBytes),
      [1232, 1232],
    )
    await handle(ask('silent.example.com', { edns: 100 }), 'udp')
    t.equal(sent.at(-1)?.sizeMaxBytes, 512)
  },
)

t.test('an alias outside leads to the addresses that a recursor has', async (t) => {
  const far = ['far.example.com. 55 A 10.0.0.1', 'far.example.com. 66 CNAME mid.example.com.']
  const cases: readonly [question: string, answers: readonly string[], more?: readonly string[]][] =
    [
      ['ext.node.consul', ['ext.node.consul. 0 CNAME far.example.com.', ...far]],
      ['ext.node.consul AAAA', ['ext.node.consul. 0 CNAME far.example.com.', ...far]],
      [
        'ext.service.consul',
        ['ext.service.consul. 9 CNAME far.example.com.', ...far.map(withTtl(9))],
      ],
      [
        'ext.service.consul SRV',
        ['ext.service.consul. 9 SRV 1 1 443 far.example.com.'],
        far.map(withTtl(9)),
      ],
      [
        'hop.service.consul',
        [
          'ext.service.consul. 9 CNAME far.example.com.',
          'hop.service.consul. 9 CNAME ext.service.consul.',
          ...far.map(withTtl(9)),
        ],
      ],
      ['gone.node.consul', ['gone.node.consul. 0 CNAME gone.example.com.']],
      [
        'own.service.consul',
        ['own.service.consul. 9 CNAME w1.node.consul.', 'w1.node.consul. 9 A 10.0.0.1'],
      ],
    ]
  for (const [question, answers, additional = []] of cases) {
    const { handle, sent } = start({ serviceTtlSeconds: { '*': 9 } })
    const told = tell(await handle(ask(question), 'tcp'))
    t.match(told, { flags: '8580', answers: answers.toSorted(), additional }, question)
    for (const { transport, message } of sent) {
      t.equal(transport, 'udp')
      t.equal(message.subarray(2, 12).toString('hex'), '01000001000000000000')
    }
  }
  const { handle } = start()
  t.equal(tell(await handle(ask('many.node.consul'), 'udp'))?.answers.length, 1 + 5)
  t.match(tell(await handle(ask('none.service.consul'), 'udp')), {
    flags: '8583',
    authority: [soa],
  })
})

t.test('without recursors nobody is asked', async (t) => {
  const { handle, sent } = start({ recursors: [] })
  t.equal(tell(await handle(ask('www.example.com'), 'udp'))?.flags, '8105')
  t.match(tell(await handle(ask('ext.node.consul'), 'udp')), { flags: '8500' })
  t.equal(tell(await handle(ask('9.9.9.9.in-addr.arpa PTR'), 'udp'))?.flags, '8182')
  t.strictSame(sent, [])
})

function withTtl(seconds: number): (record: string) => string {
  return (record) => record.replace(/ \d+ /, ` ${seconds} `)
}
