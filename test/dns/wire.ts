import { Packet } from 'dns2'

import type { AnswerPorts } from '../../dns/ports.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import type { Catalog } from './catalog.ts'

/** Noon, so that a SOA's serial is known. */
export const wallMs = Date.UTC(2026, 0, 1, 12)
export const soa = 'consul. 0 SOA ns.consul. hostmaster.consul. 1767268800 3600 600 86400 0'

export function portsOn(rpc: Catalog, seed = 1): AnswerPorts {
  return {
    rpc,
    datacenter: 'dc1',
    nodeName: 'n1',
    clock: { monotonicMs: () => 0, wallMs: () => wallMs, after: () => ({ cancel() {} }) },
    chance: seededChance(seed),
    log: noLog,
    metrics: noMetrics,
    exchange: () => Promise.reject(new Error('nobody there')),
  }
}

export interface AskOptions {
  /** The header's second 16 bits. */
  readonly flags?: number
  readonly class?: number
  readonly id?: number
  /** The size in an OPT record; there's none without. */
  readonly edns?: number
  /** An option in the OPT record, in hexadecimal digits. */
  readonly option?: string
}

const types: Readonly<Record<string, number>> = Packet.TYPE
const typeNames: Readonly<Record<number, string>> = Packet.TYPE_NAME

/** A question as `web.service.consul SRV`, as bytes. */
export function ask(question: string, options: AskOptions = {}): Buffer {
  const [name = '', type = 'A'] = question.split(' ')
  const { id = 0x1234, flags = 0x0100, edns, option = '' } = options
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10)
  const asked = Buffer.alloc(4)
  asked.writeUInt16BE(types[type] ?? Number(type), 0)
  asked.writeUInt16BE(options.class ?? 1, 2)
  const tail = edns === undefined ? Buffer.alloc(0) : opt(edns, option)
  return Buffer.concat([header, labels(name), asked, tail])
}

function labels(name: string): Buffer {
  const parts = name.split('.').filter((label) => label !== '')
  return Buffer.concat([
    ...parts.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.alloc(1),
  ])
}

function opt(sizeBytes: number, option: string): Buffer {
  const data = Buffer.from(option, 'hex')
  const record = Buffer.alloc(11)
  record.writeUInt16BE(Packet.TYPE.EDNS, 1)
  record.writeUInt16BE(sizeBytes, 3)
  record.writeUInt16BE(data.length, 9)
  return Buffer.concat([record, data])
}

export interface Told {
  readonly flags: string
  readonly answers: readonly string[]
  readonly authority: readonly string[]
  readonly additional: readonly string[]
}

/** An answer in words, its records in alphabetical order: most come in random order. Read by dns2, not by our own code. */
export function tell(message: Buffer | undefined): Told | undefined {
  if (message === undefined) return undefined
  const packet = Packet.parse(message)
  if (packet.errors.length > 0) throw new Error(`malformed: ${packet.errors.join()}`)
  return {
    flags: message.readUInt16BE(2).toString(16),
    answers: packet.answers.map(tellRecord).toSorted(),
    authority: packet.authorities.map(tellRecord).toSorted(),
    additional: packet.additionals.map(tellRecord).toSorted(),
  }
}

type Resource = Packet['answers'][number]

function tellRecord(record: Resource): string {
  if (record.type === Packet.TYPE.EDNS) {
    const subnets = (record.rdata ?? []).map((option) => ` ${JSON.stringify(option)}`)
    return `OPT ${record.class}${subnets.join('')}`
  }
  return `${record.name}. ${record.ttl} ${typeNames[record.type]} ${tellData(record)}`
}

function tellData(record: Resource): string {
  switch (record.type) {
    case Packet.TYPE.A:
    case Packet.TYPE.AAAA:
      return String(record.address)
    case Packet.TYPE.CNAME:
    case Packet.TYPE.PTR:
      return `${record.domain}.`
    case Packet.TYPE.NS:
      return `${record.ns}.`
    case Packet.TYPE.TXT:
      return JSON.stringify([record.data].flat().map(String))
    case Packet.TYPE.SRV:
      return `${record.priority} ${record.weight} ${record.port} ${record.target}.`
    default:
      return `${record.primary}. ${record.admin}. ${record.serial} ${record.refresh} ${record.retry} ${record.expiration} ${record.minimum}`
  }
}
