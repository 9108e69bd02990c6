import { Packet } from 'dns2'
import fc from 'fast-check'
import t from 'tap'

import { createHandle } from '../../dns/handle.ts'
import { readQuestion } from '../../dns/question.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import { Catalog } from './catalog.ts'
import { ask, portsOn, tell } from './wire.ts'

const handle = createHandle(
  portsOn(new Catalog([{ node: 'n1', address: '10.0.0.1', service: 'web', port: 80 }])),
  defaultDnsSettings,
)

const consul = '06636f6e73756c00'

t.test('messages that are no question are refused as the real one refuses them', async (t) => {
  const cases: readonly [what: string, message: string, answer: string | undefined][] = [
    ['nothing', '', undefined],
    ['half an id', '12', undefined],
    ['an answer', `1234 8100 0001 0000 0000 0000 ${consul} 0001 0001`, undefined],
    ['a header', '1234 0100 0000 0000 0000 0000', '1234 8101 0000 0000 0000 0000'],
    [
      'two questions',
      `1234 0100 0002 0000 0000 0000 ${consul} 00010001 ${consul} 00010001`,
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'a pointer to itself',
      '1234 0100 0001 0000 0000 0000 c00c 0001 0001',
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'a pointer ahead',
      '1234 0100 0001 0000 0000 0000 c010 0001 0001',
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'a label of 64',
      `1234 0100 0001 0000 0000 0000 40${'61'.repeat(64)} 00 0001 0001`,
      '1234 8101 0000 0000 0000 0000',
    ],
    ['a cut type', `1234 0100 0001 0000 0000 0000 ${consul} 00`, '1234 8101 0000 0000 0000 0000'],
    [
      'a name of 256',
      `1234 0100 0001 0000 0000 0000 ${`3f${'61'.repeat(63)}`.repeat(4)} 00 0001 0001`,
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'two answers',
      `1234 0100 0001 0002 0000 0000 ${consul} 0001 0001`,
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'three more records',
      `1234 0100 0001 0000 0000 0003 ${consul} 0001 0001`,
      '1234 8101 0000 0000 0000 0000',
    ],
    [
      'an update',
      `1234 2800 0001 0000 0000 0000 ${consul} 0006 0001`,
      '1234 a804 0000 0000 0000 0000',
    ],
    [
      'a status question',
      `1234 1100 0001 0000 0000 0000 ${consul} 0006 0001`,
      '1234 9104 0000 0000 0000 0000',
    ],
    [
      'a cut OPT record',
      `1234 0100 0001 0000 0000 0001 ${consul} 0001 0001 00 0029 1000 0000`,
      `1234 8101 0001 0000 0000 0000 ${consul} 0001 0001`,
    ],
    [
      'an OPT record longer than the message',
      `1234 0110 0001 0000 0000 0001 ${consul} 0001 0001 00 0029 1000 00000000 0010 00`,
      `1234 8111 0001 0000 0000 0000 ${consul} 0001 0001`,
    ],
  ]
  for (const [what, message, answer] of cases) {
    const told = await handle(bytesOf(message), 'udp')
    t.equal(told?.toString('hex'), answer?.replaceAll(' ', ''), what)
  }
})

t.test('what is odd but clear is answered', async (t) => {
  const flagsOf = async (message: string): Promise<unknown> =>
    tell(await handle(bytesOf(message), 'udp'))?.flags
  const soa = `${consul} 0006 0001`
  const answer = 'c00c 0001 0001 00000000 0004 01020304'
  t.equal(await flagsOf(`1234 0100 0001 0000 0000 0000 ${soa} deadbeef`), '8500', 'bytes after it')
  t.equal(
    await flagsOf(`1234 0100 0001 0001 0000 0000 ${soa}`),
    '8500',
    'a record that is not there',
  )
  t.equal(
    await flagsOf(`1234 0100 0001 0000 0000 0001 ${soa} ${answer}`),
    '8500',
    'a record too much',
  )
  t.equal(await flagsOf(`1234 2500 0001 0000 0000 0000 ${soa}`), 'a400', 'a notification')
  t.equal(await flagsOf(`1234 0300 0001 0000 0000 0000 ${soa}`), '8500', 'a truncated question')
  const dotted = `1234 0100 0001 0000 0000 0000 06 6e312e6e6f64 65 ${consul} 0001 0001`
  t.equal(
    await flagsOf(dotted.replace('06 6e312e6e6f64 65', '07 6e312e6e6f6465')),
    '8503',
    'a dot in a label',
  )
})

function bytesOf(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex')
}

t.test('the last of two OPT records counts', async (t) => {
  const two = bytesOf(
    `1234 0100 0001 0000 0000 0002 ${consul} 0006 0001 00 0029 1000 00000000 0000 00 0029 0500 00000000 0000`,
  )
  const reading = readQuestion(two)
  t.equal(reading.kind === 'question' && reading.question.edns?.sizeBytes, 0x500)
})

t.test('no message whatever makes an answer wrong', async () => {
  const asked = fc.record({
    name: fc.constantFrom(
      'web.service.consul',
      'n1.node.consul',
      'x.consul',
      '1.0.0.10.in-addr.arpa',
      'a.b',
    ),
    type: fc.constantFrom('A', 'SRV', 'ANY', 'SOA', 'PTR', 'AXFR', '65535'),
    edns: fc.option(fc.nat(65_535), { nil: undefined }),
    option: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  })
  const wellFormed = asked.map(({ name, type, edns, option }) =>
    ask(`${name} ${type}`, edns === undefined ? {} : { edns, option }),
  )
  const damaged = fc
    .tuple(wellFormed, fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }), fc.nat(90))
    .map(([message, changes, length]) => {
      for (const [at, byte] of changes) if (at < message.length) message[at] = byte
      return length < message.length ? message.subarray(0, length + 1) : message
    })
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(wellFormed, damaged, anything),
      fc.constantFrom('udp', 'tcp'),
      async (message, transport) => {
        const answer = await handle(message, transport)
        if (answer === undefined) return message.length < 12 || (message[2] ?? 0) >= 0x80
        const packet = Packet.parse(answer)
        return (
          packet.errors.length === 0 &&
          packet.header.qr === 1 &&
          packet.header.id === message.readUInt16BE(0) &&
          packet.questions.length <= 1 &&
          (packet.questions.length === 0 || isEcho(answer, message))
        )
      },
    ),
    { numRuns: 3000 },
  )
})

/** The question came back to the letter. */
function isEcho(answer: Buffer, message: Buffer): boolean {
  let end = 12
  while (answer[end] !== 0) end += 1 + (answer[end] ?? 0)
  return answer.subarray(12, end + 5).equals(message.subarray(12, end + 5))
}
