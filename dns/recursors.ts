import { Packet } from 'dns2'

import { describeError } from '../server/model/errors.ts'
import type { Chance } from '../server/runtime/chance.ts'
import type { Log } from '../server/runtime/log.ts'
import { parseIp } from './address.ts'
import type { Exchange } from './exchange.ts'
import { plainUdpSizeMaxBytes } from './fit.ts'
import type { Transport } from './fit.ts'
import { encodeQuestion } from './message.ts'
import { flagBits, rcodes } from './question.ts'
import type { Question } from './question.ts'
import { types } from './records.ts'
import type { DnsRecord } from './records.ts'
import type { DnsSettings, Recursor } from './settings.ts'

export interface RecursorsPorts {
  readonly exchange: Exchange
  readonly chance: Chance
  readonly log: Log
}

/** Other servers, asked one after the other for what nobody here knows, until one does. */
export class Recursors {
  readonly #ports: RecursorsPorts
  readonly #recursors: readonly Recursor[]
  readonly #timeoutMs: number

  constructor(
    ports: RecursorsPorts,
    { recursors, recursorTimeoutMs }: Pick<DnsSettings, 'recursors' | 'recursorTimeoutMs'>,
  ) {
    this.#ports = ports
    this.#recursors = recursors
    this.#timeoutMs = recursorTimeoutMs
  }

  get isEmpty(): boolean {
    return this.#recursors.length === 0
  }

  /** An answer to the asker's own message, byte for byte but for the id; undefined where nobody has one. */
  async forward(
    message: Buffer,
    question: Pick<Question, 'id' | 'name' | 'edns'>,
    transport: Transport,
  ): Promise<Buffer | undefined> {
    const sizeMaxBytes = Math.max(question.edns?.sizeBytes ?? 0, plainUdpSizeMaxBytes)
    const answer = await this.#ask(message, question.name, transport, sizeMaxBytes)
    answer?.writeUInt16BE(question.id, 0)
    return answer
  }

  /** The addresses of a name, and the aliases on the way to them; none where nobody knows the name. Consul asks for IPv4 only. */
  async lookUp(name: string): Promise<readonly DnsRecord[]> {
    if (this.isEmpty) return []
    const message = encodeQuestion(name, types.A)
    const answer = await this.#ask(message, name, 'udp', plainUdpSizeMaxBytes)
    return answer === undefined ? [] : readAnswers(answer)
  }

  /** Whoever answers that the name is there, or that it isn't, is believed; any other code may be that server's trouble alone. */
  async #ask(
    message: Buffer,
    name: string,
    transport: Transport,
    sizeMaxBytes: number,
  ): Promise<Buffer | undefined> {
    const { exchange, chance, log } = this.#ports
    const sent = Buffer.from(message)
    for (const recursor of this.#recursors) {
      sent.writeUInt16BE(Math.floor(chance.fraction() * 0x1_0000), 0)
      try {
        const timeoutMs = this.#timeoutMs
        const answer = await exchange(sent, recursor, { transport, sizeMaxBytes, timeoutMs })
        const rcode = answer.readUInt16BE(2) & flagBits.rcode
        if (rcode === rcodes.NOERROR || rcode === rcodes.NXDOMAIN) return answer
        log.debug({ name, rcode, recursor: recursor.host }, 'recurse failed for question')
      } catch (error) {
        log.error({ error: describeError(error), recursor: recursor.host }, 'recurse failed')
      }
    }
    if (!this.isEmpty) log.error({ name }, 'all resolvers failed for question')
    return undefined
  }
}

/** What of an answer can be passed on beside records of our own. */
function readAnswers(message: Buffer): DnsRecord[] {
  return Packet.parse(message).answers.flatMap(
    ({ name, type, ttl: ttlSeconds, address = '', domain = '' }): DnsRecord[] => {
      if (type === types.CNAME) return [{ type: 'CNAME', name, ttlSeconds, target: domain }]
      const ip = parseIp(address)
      if (ip === undefined || (type !== types.A && type !== types.AAAA)) return []
      return [{ type: type === types.A ? 'A' : 'AAAA', name, ttlSeconds, address: ip }]
    },
  )
}
