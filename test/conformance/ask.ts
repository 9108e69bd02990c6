import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

import { Packet } from 'dns2'

import { must } from '../../server/model/assert.ts'
import { mask } from './mask.ts'
import type { Observation } from './observation.ts'
import type { Peer } from './peer.ts'
import type { DnsStep } from './step.ts'

const timeoutMs = 5000

/** Asks as dig does, and says what came part by part. The order of records is chance, so they are sorted. */
export async function ask(step: DnsStep, peer: Peer): Promise<Observation> {
  let reply: Buffer
  try {
    const query = encode(step)
    reply = await (step.tcp ? overTcp : overUdp)(query, peer.ports.dns)
  } catch (error) {
    return new Map([['failure', (error as Error).message]])
  }
  const packet = Packet.parse(reply)
  const { header } = packet
  const flags = ['qr', 'aa', 'tc', 'rd', 'ra'].filter(
    (flag) => (header as unknown as Record<string, number>)[flag],
  )
  const section = (records: readonly object[]): string => describeSection(records, step, peer)
  return new Map([
    ['rcode', must(rcodes[header.rcode & 0xf], 'a response code has four bits')],
    ['flags', flags.join(' ')],
    [
      'question',
      packet.questions
        .map(({ name, type, class: of }) => `${name} ${Packet.typeName(type)} ${of}`)
        .join('\n'),
    ],
    ['answer', section(packet.answers)],
    ['authority', section(packet.authorities)],
    ['additional', section(packet.additionals)],
    ['malformed', packet.errors.map(({ message }) => message).join('\n')],
  ])
}

const rcodes = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
  'DSOTYPENI',
  '12',
  '13',
  '14',
  '15',
]

function describeSection(records: readonly object[], step: DnsStep, peer: Peer): string {
  const lines = records.map((record) =>
    mask(describeRecord(record as Record<string, unknown>), peer),
  )
  if (!step.sampled) return lines.toSorted().join('\n')
  const kinds = Map.groupBy(records as readonly { type: number }[], ({ type }) =>
    Packet.typeName(type),
  )
  return [...kinds]
    .map(([type, of]) => `${of.length} ${type}`)
    .toSorted()
    .join('\n')
}

/** Serial numbers are the time. */
function describeRecord({ name, type, class: of, ttl, ...data }: Record<string, unknown>): string {
  const fields = Object.entries({ ...data, ...('serial' in data ? { serial: '<serial>' } : {}) })
  const shown = fields.map(([field, value]) => `${field}=${JSON.stringify(value)}`).toSorted()
  return [name, ttl, of, Packet.typeName(Number(type)), ...shown].join(' ')
}

const types: Readonly<Record<string, number>> = { ...Packet.TYPE }

function encode(step: DnsStep): Buffer {
  const packet = new Packet()
  packet.header.id = Packet.uuid()
  packet.header.rd = 1
  packet.header.opcode = step.opcode ?? 0
  packet.questions.push(
    new Packet.Question(
      step.question,
      must(types[step.type], `${step.type} is a type`),
      Packet.CLASS.IN,
    ),
  )
  const query = packet.toBuffer()
  if (step.edns === undefined) return query
  query.writeUInt16BE(1, 10)
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(Packet.TYPE.EDNS, 1)
  opt.writeUInt16BE(step.edns, 3)
  return Buffer.concat([query, opt])
}

function overUdp(query: Buffer, port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const late = setTimeout(() => finish(() => reject(new Error('no answer'))), timeoutMs)
    const finish = (settle: () => void): void => {
      clearTimeout(late)
      socket.close()
      settle()
    }
    socket.once('message', (message) => finish(() => resolve(message)))
    socket.once('error', (error) => finish(() => reject(error)))
    socket.send(query, port, '127.0.0.1')
  })
}

function overTcp(query: Buffer, port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received: Buffer = Buffer.alloc(0)
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed without an answer')))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      resolve(received.subarray(2))
      socket.destroy()
    })
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
  })
}
