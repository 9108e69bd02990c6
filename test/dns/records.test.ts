import t from 'tap'

import { nodeAddress, parseIp, serviceAddress } from '../../dns/address.ts'
import { encodeAnswer, Unencodable } from '../../dns/message.ts'
import { readQuestion } from '../../dns/question.ts'
import { addressLabel, metaRecords, weightOf } from '../../dns/records.ts'
import type { DnsRecord } from '../../dns/records.ts'
import { assert } from '../../server/model/assert.ts'
import type { ServiceNode } from '../../server/model/check.ts'
import { ask, tell } from './wire.ts'

t.test('addresses are read as Go reads them', async (t) => {
  const cases: readonly [text: string, label: string | undefined][] = [
    ['10.0.0.1', '0a000001'],
    ['255.255.255.255', 'ffffffff'],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:DB8::70', '20010db8000000000000000000000070'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::', '0'.repeat(32)],
    ['::ffff:10.0.0.1', '0a000001'],
    ['::ffff:a00:1', '0a000001'],
    ['64:ff9b::10.0.0.1', '0064ff9b00000000000000000a000001'],
    ['fe80::1%eth0', undefined],
    ['', undefined],
    ['10.0.0', undefined],
    ['10.0.0.256', undefined],
    ['10.0.0.01', undefined],
    ['10.0.0.1.', undefined],
    ['10.0.0.1.2', undefined],
    ['10..0.1', undefined],
    ['www.example.com', undefined],
    ['1:2', undefined],
  ]
  for (const [text, label] of cases) {
    const ip = parseIp(text)
    t.equal(ip && addressLabel(ip), label, text)
  }
})

t.test('a tagged address comes before the own one, IPv6 before IPv4', async (t) => {
  const tagged = { lan_ipv4: '10.0.0.4', lan_ipv6: '::6', wan: '1.1.1.1' }
  const node = { Address: 'own', TaggedAddresses: null } as Parameters<typeof nodeAddress>[0]
  const both = { ...node, TaggedAddresses: tagged }
  t.equal(nodeAddress(node, 'ipv4'), 'own')
  t.equal(nodeAddress(both, 'ipv4'), '10.0.0.4')
  t.equal(nodeAddress(both, 'ipv6'), '::6')
  t.equal(nodeAddress(both, 'any'), '::6')
  t.equal(nodeAddress({ ...both, TaggedAddresses: { lan_ipv4: '10.0.0.4' } }, 'any'), '10.0.0.4')
  const service = { Address: '', TaggedAddresses: { lan_ipv4: { Address: '10.0.0.5', Port: 1 } } }
  t.equal(
    serviceAddress(service as unknown as Parameters<typeof serviceAddress>[0], 'ipv4'),
    '10.0.0.5',
  )
})

t.test('metadata is quoted by RFC 1464', async (t) => {
  const meta = { '  a ': '`', 'k=`': 'v=w', 'RFC1035-X': '=as is`', ü: 'é' }
  t.strictSame(
    metaRecords(meta, 'n.node.consul', 3).map((record) => record.type === 'TXT' && record.text),
    ['` ` a` =``', 'k`=``=v=w', '=as is`', 'Ã¼=Ã©'],
  )
  t.strictSame(metaRecords(null, 'n.node.consul', 3), [])
})

t.test('the weight is that of the health', async (t) => {
  const instance = (
    ...statuses: readonly (readonly [status: string, service: string])[]
  ): ServiceNode =>
    ({
      Service: { Service: 'web', Weights: { Passing: 10, Warning: 3 } },
      Checks: statuses.map(([Status, ServiceName]) => ({ Status, ServiceName, CheckID: 'c' })),
    }) as unknown as ServiceNode
  t.equal(weightOf(instance()), 10)
  t.equal(weightOf(instance(['passing', 'web'], ['warning', ''])), 3)
  t.equal(weightOf(instance(['passing', 'web'], ['warning', 'other'])), 10)
  t.equal(weightOf(instance(['critical', 'web'])), 0)
})

function encode(answers: readonly DnsRecord[], compress = true): Buffer {
  const reading = readQuestion(ask('Web.service.consul SRV'))
  assert(reading.kind === 'question', 'a question')
  const rest = { authorities: [], additionals: [], edns: undefined }
  return encodeAnswer(reading.question, { flags: 0x8500, answers, ...rest }, compress)
}

const header = { name: 'Web.service.consul', ttlSeconds: 0 }

t.test('names are compressed, but not the targets of SRV records', async (t) => {
  const srv = (target: string): DnsRecord => ({
    type: 'SRV',
    ...header,
    priority: 1,
    weight: 1,
    port: 80,
    target,
  })
  const alias: DnsRecord = {
    type: 'CNAME',
    name: 'n1.node.consul',
    ttlSeconds: 0,
    target: 'n2.node.consul',
  }
  const answers = [srv('n1.node.consul'), srv('n1.node.consul'), alias]
  const question = 12 + 24
  const srvSize = 2 + 10 + 6 + 16
  t.equal(encode([srv('n1.node.consul')]).length, question + srvSize)
  t.equal(encode(answers.slice(0, 2)).length, question + 2 * srvSize)
  t.equal(encode(answers).length, question + 2 * srvSize + 2 + 10 + 3 + 2)
  t.equal(encode(answers, false).length, question + 2 * (srvSize + 18) + 16 + 10 + 16)
  t.strictSame(tell(encode(answers)), tell(encode(answers, false)), 'and they read the same')
  const shouted: DnsRecord = {
    type: 'CNAME',
    ...header,
    name: 'WEB.service.consul',
    target: 'consul',
  }
  t.strictSame(
    tell(encode([shouted]))?.answers,
    ['WEB.service.consul. 0 CNAME consul.'],
    'letters stay',
  )
})

t.test('a long message has names that no pointer can reach', async (t) => {
  const names = Array.from({ length: 1500 }, (_, at) => `node-${at}.node.consul`)
  const answers = names.map((target): DnsRecord => ({ type: 'CNAME', ...header, target }))
  const message = encode([...answers, ...answers.toReversed()])
  t.ok(message.length > 0x4000)
  t.equal(tell(message)?.answers.length, 3000)
})

t.test('a text longer than a character string is several', async (t) => {
  const texts = ['', 'a'.repeat(255), 'b'.repeat(256), 'c'.repeat(600)]
  const told = tell(encode(texts.map((text): DnsRecord => ({ type: 'TXT', ...header, text }))))
  t.strictSame(
    told?.answers.map((answer) =>
      answer
        .split('"')
        .filter((_, at) => at % 2 === 1)
        .map(({ length }) => length),
    ),
    [[0], [255], [255, 1], [255, 255, 90]],
  )
})

t.test('what is no domain name is not encoded', async (t) => {
  const names = ['a..b', '.a', `${'x'.repeat(64)}.consul`, Array<string>(64).fill('abc').join('.')]
  for (const target of names)
    t.throws(() => encode([{ type: 'CNAME', ...header, target }]), Unencodable, target)
})
