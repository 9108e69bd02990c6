import { flagBits, headerSizeBytes, labelSizeMaxBytes, nameSizeMaxBytes } from './question.ts'
import type { Edns, Question } from './question.ts'
import { types } from './records.ts'
import type { DnsRecord } from './records.ts'

/** An answer before it is bytes. */
export interface Answer {
  /** The header's second 16 bits. */
  readonly flags: number
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
  /** Goes back as an OPT record, the last of the additional ones. */
  readonly edns: Edns | undefined
}

/** A name or text that DNS can't carry, such as a node's name with a label of more than 63 bytes. */
export class Unencodable extends Error {
  override readonly name = 'Unencodable'
}

/** Pointers have 14 bits for the place they point to (RFC 1035 §4.1.4). */
const pointableMaxBytes = 0x3fff
const pointerMark = 0xc000
const classIn = 1
const textSizeMaxBytes = 255
const ttlMaxSeconds = 2 ** 31 - 1

/**
 * The bytes of an answer; the question section is the asker's, to the letter. Throws Unencodable.
 *
 * Names are compressed as in Consul's DNS library: by exact letters, and never in the target of an SRV record, which RFC 2782
 * forbids. dns2 compresses those too, and builds a message bit by bit (README.md), so this is our own.
 */
export function encodeAnswer(question: Question, answer: Answer, compress: boolean): Buffer {
  const out = new Writer(compress)
  out.uint16(question.id)
  out.uint16(answer.flags)
  out.uint16(1)
  out.uint16(answer.answers.length)
  out.uint16(answer.authorities.length)
  out.uint16(answer.additionals.length + (answer.edns === undefined ? 0 : 1))
  out.bytes(question.bytes)
  out.remember(question)
  for (const record of answer.answers) writeRecord(out, record)
  for (const record of answer.authorities) writeRecord(out, record)
  for (const record of answer.additionals) writeRecord(out, record)
  if (answer.edns !== undefined) writeEdns(out, answer.edns)
  return out.finish()
}

/** A question for recursive servers, with an id that is still to be chosen. Throws Unencodable. */
export function encodeQuestion(name: string, type: number): Buffer {
  const out = new Writer(false)
  for (const word of [0, flagBits.recursionDesired, 1, 0, 0, 0]) out.uint16(word)
  out.domainName(name)
  out.uint16(type)
  out.uint16(classIn)
  return out.finish()
}

function writeRecord(out: Writer, record: DnsRecord): void {
  out.domainName(record.name)
  out.uint16(types[record.type])
  out.uint16(classIn)
  out.uint32(Math.min(record.ttlSeconds, ttlMaxSeconds))
  out.sized(() => writeData(out, record))
}

function writeData(out: Writer, record: DnsRecord): void {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return out.bytes(record.address)
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return out.domainName(record.target)
    case 'TXT':
      return out.text(record.text)
    case 'SRV':
      out.uint16(record.priority)
      out.uint16(record.weight)
      out.uint16(record.port)
      return out.domainName(record.target, { whole: true })
    case 'SOA':
      out.domainName(record.primary)
      out.domainName(record.mailbox)
      out.uint32(record.serial)
      out.uint32(record.refreshSeconds)
      out.uint32(record.retrySeconds)
      out.uint32(record.expireSeconds)
      return out.uint32(record.minTtlSeconds)
  }
}

/** Size as asked, version 0, no flags; the client's subnet with the scope 0: the answer is the same for everyone. */
function writeEdns(out: Writer, { sizeBytes, subnet }: Edns): void {
  out.uint8(0)
  out.uint16(types.EDNS)
  out.uint16(sizeBytes)
  out.uint32(0)
  out.sized(() => {
    if (subnet === undefined) return
    out.uint16(subnetOption)
    out.uint16(4 + subnet.address.length)
    out.uint16(subnet.family)
    out.uint8(subnet.prefixLength)
    out.uint8(0)
    out.bytes(subnet.address)
  })
}

const subnetOption = 8

/** Bytes in order, growing as needed, with the places of the names written so far. */
class Writer {
  #buffer = Buffer.allocUnsafe(1024)
  #at = 0
  readonly #places = new Map<string, number>()
  readonly #compress: boolean

  constructor(compress: boolean) {
    this.#compress = compress
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#at] = value
    this.#at += 1
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#buffer[this.#at] = value >> 8
    this.#buffer[this.#at + 1] = value
    this.#at += 2
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#at = this.#buffer.writeUInt32BE(value, this.#at)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** What `write` writes, after its length in 16 bits. */
  sized(write: () => void): void {
    const place = this.#at
    this.uint16(0)
    write()
    this.#buffer.writeUInt16BE(this.#at - place - 2, place)
  }

  /** Character strings of at most 255 bytes each: a longer text is several. */
  text(text: string): void {
    for (let from = 0; from === 0 || from < text.length; from += textSizeMaxBytes)
      this.#characters(text.slice(from, from + textSizeMaxBytes))
  }

  /** A name, by a pointer from the first label on which it was written before, unless it must be `whole`. */
  domainName(name: string, options: { readonly whole: boolean } = { whole: false }): void {
    if (name.length + 2 > nameSizeMaxBytes) throw new Unencodable(`name too long: ${name}`)
    let rest = name
    while (rest !== '') {
      const place = this.#places.get(rest)
      if (place === undefined) {
        if (this.#at <= pointableMaxBytes) this.#places.set(rest, this.#at)
      } else if (!options.whole && this.#compress) return this.uint16(pointerMark | place)
      const dot = rest.indexOf('.')
      const label = dot < 0 ? rest : rest.slice(0, dot)
      if (label === '' || label.length > labelSizeMaxBytes)
        throw new Unencodable(`not a domain name: ${name}`)
      this.#characters(label)
      rest = dot < 0 ? '' : rest.slice(dot + 1)
    }
    this.uint8(0)
  }

  /** The names that end the question's name, so that records can point to them. */
  remember({ name, isPlain }: Question): void {
    if (!isPlain) return
    let place = headerSizeBytes
    let rest = name
    while (rest !== '') {
      this.#places.set(rest, place)
      const dot = rest.indexOf('.')
      if (dot < 0) return
      place += dot + 1
      rest = rest.slice(dot + 1)
    }
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  #characters(text: string): void {
    this.uint8(text.length)
    this.#reserve(text.length)
    this.#at += this.#buffer.write(text, this.#at, 'latin1')
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + sizeBytes))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}
