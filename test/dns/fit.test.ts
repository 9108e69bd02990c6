import fc from 'fast-check'
import t from 'tap'

import { fit } from '../../dns/fit.ts'
import type { FitLimits } from '../../dns/fit.ts'
import { encodeAnswer } from '../../dns/message.ts'
import type { Answer } from '../../dns/message.ts'
import { readQuestion } from '../../dns/question.ts'
import type { Question } from '../../dns/question.ts'
import type { DnsRecord } from '../../dns/records.ts'
import { assert } from '../../server/model/assert.ts'
import { ask } from './wire.ts'

function questionOf(text: string, edns?: number): Question {
  const reading = readQuestion(ask(text, edns === undefined ? {} : { edns }))
  assert(reading.kind === 'question', 'a question')
  return reading.question
}

function address(last: number, name = 'big.service.consul'): DnsRecord {
  return { type: 'A', name, ttlSeconds: 0, address: Uint8Array.of(10, 0, last >> 8, last & 0xff) }
}

function srv(number: number): DnsRecord {
  const target = `a-rather-long-node-name-${number}.node.dc1.consul`
  return {
    type: 'SRV',
    name: 'big.service.consul',
    ttlSeconds: 0,
    priority: 1,
    weight: 1,
    port: 80,
    target,
  }
}

const many = Array.from({ length: 60 }, (_, at) => at)
const addresses = many.map((number) => address(number))
const services = many.map(srv)
const targets = many.flatMap((number): DnsRecord[] => {
  const name = `A-rather-long-node-name-${number}.node.dc1.consul`
  return [address(number, name), { type: 'TXT', name, ttlSeconds: 0, text: 'os=linux' }]
})

interface Shape {
  readonly transport?: 'udp' | 'tcp'
  readonly edns?: number
  readonly udpAnswerLimit?: number
  readonly compress?: boolean
}

function fitted(
  records: { readonly answers: readonly DnsRecord[]; readonly additionals?: readonly DnsRecord[] },
  { transport = 'udp', edns, udpAnswerLimit = 3, compress = true }: Shape,
): { answer: Answer; isTrimmed: boolean; sizeBytes: number } {
  const isSrv = records.answers[0]?.type === 'SRV'
  const question = questionOf(`big.service.consul ${isSrv ? 'SRV' : 'A'}`, edns)
  const limits: FitLimits = { transport, edns: question.edns, udpAnswerLimit, compress, isSrv }
  const sizeOf = (answer: Answer, compressed: boolean): number =>
    encodeAnswer(question, answer, compressed).length
  const whole = { flags: 0x8500, authorities: [], additionals: [], edns: question.edns, ...records }
  const { answer, isTrimmed } = fit(whole, limits, sizeOf)
  return { answer, isTrimmed, sizeBytes: sizeOf(answer, compress) }
}

t.test('the number of records follows from who asks and how', async (t) => {
  const cases: readonly [shape: Shape, addressesShown: number, servicesShown: number][] = [
    [{}, 3, 3],
    [{ udpAnswerLimit: 1 }, 1, 1],
    [{ udpAnswerLimit: 50 }, 8, 3],
    [{ edns: 100 }, 3, 3],
    [{ edns: 512 }, 3, 3],
    [{ edns: 600 }, 34, 5],
    [{ edns: 1000 }, 59, 9],
    [{ edns: 1100 }, 60, 10],
    [{ edns: 65_535 }, 60, 60],
    [{ edns: 600, compress: false }, 16, 4],
    [{ transport: 'tcp' }, 60, 60],
  ]
  for (const [shape, addressesShown, servicesShown] of cases) {
    const name = JSON.stringify(shape)
    const one = fitted({ answers: addresses }, shape)
    const other = fitted({ answers: services, additionals: targets }, shape)
    t.equal(one.answer.answers.length, addressesShown, `A ${name}`)
    t.equal(other.answer.answers.length, servicesShown, `SRV ${name}`)
    t.equal(one.isTrimmed, addressesShown < 60)
    t.equal(other.answer.additionals.length, servicesShown === 60 ? 120 : servicesShown)
  }
})

t.test('over TCP 64 KiB are the limit, and so many records', async (t) => {
  const lots = Array.from({ length: 5000 }, (_, at) => address(at))
  t.equal(fitted({ answers: lots }, { transport: 'tcp' }).answer.answers.length, 4092)
  t.equal(fitted({ answers: lots.slice(0, 4093) }, { transport: 'tcp' }).isTrimmed, true)
  const lotsOfServices = Array.from({ length: 2000 }, (_, at) => srv(at))
  t.equal(fitted({ answers: lotsOfServices }, { transport: 'tcp' }).answer.answers.length, 1024)
})

t.test('a datagram can not hold all that an asker may take', async (t) => {
  const lots = Array.from({ length: 5000 }, (_, at) => address(at))
  const { sizeBytes } = fitted({ answers: lots }, { edns: 65_535 })
  t.ok(sizeBytes <= 65_507 && sizeBytes > 65_507 - 16)
})

t.test('what fits stays as it is', async (t) => {
  const authorities = [{ type: 'NS', name: 'consul', ttlSeconds: 0, target: 'n1.consul' } as const]
  const whole: Answer = {
    flags: 0,
    answers: [address(1)],
    authorities,
    additionals: targets,
    edns: undefined,
  }
  const limits = {
    transport: 'udp',
    edns: undefined,
    udpAnswerLimit: 3,
    compress: true,
    isSrv: false,
  } as const
  t.equal(fit(whole, limits, () => 10_000).answer, whole, 'a single answer, however large')
  const two = { ...whole, answers: [address(1), address(2)] }
  t.equal(fit(two, limits, () => 505).answer, two, 'exactly as large as may be')
  t.strictSame(
    fit(two, limits, () => 506),
    {
      answer: { ...two, answers: [address(1)], authorities: [], additionals: [] },
      isTrimmed: true,
    },
  )
})

t.test('targets of kept SRV records stay, with the aliases on the way', async (t) => {
  const alias = { type: 'CNAME', name: 'A.consul', ttlSeconds: 0, target: 'B.consul' } as const
  const end = address(9, 'b.consul')
  const first: DnsRecord = {
    type: 'SRV',
    name: 'x',
    ttlSeconds: 0,
    priority: 1,
    weight: 1,
    port: 1,
    target: 'a.consul',
  }
  const answers = [first, first, ...services.slice(0, 3)]
  const { answer } = fitted(
    { answers, additionals: [end, ...targets, alias] },
    { udpAnswerLimit: 2 },
  )
  t.strictSame(answer.additionals, [alias, end])
})

t.test('an answer of two or more is never larger than the asker takes', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 0, max: 5000 }),
      fc.boolean(),
      fc.boolean(),
      (count, edns, isSrv, compress) => {
        const answers = Array.from({ length: count }, (_, at) => (isSrv ? srv(at) : address(at)))
        const { answer, sizeBytes } = fitted(
          { answers, additionals: isSrv ? targets : [] },
          { edns, compress, udpAnswerLimit: 8 },
        )
        return answer.answers.length === 1 || sizeBytes <= Math.max(edns, 512)
      },
    ),
  )
})
