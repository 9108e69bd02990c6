import { noPathToDatacenter, PraetorError } from '../server/model/errors.ts'
import { bareAnswer, encodeFound, unresolvedAnswer } from './answer.ts'
import { createFind } from './find.ts'
import type { OwnZone } from './find.ts'
import type { Transport } from './fit.ts'
import { giveAgain, KeptAnswers, keptAnswer, keyOf } from './kept.ts'
import { notFound } from './lookups/lookup.ts'
import type { Found } from './lookups/lookup.ts'
import { encodeAnswer, Unencodable } from './message.ts'
import type { AnswerPorts } from './ports.ts'
import { rcodes, readQuestion, refusal } from './question.ts'
import type { Question } from './question.ts'
import { Recursors } from './recursors.ts'
import type { DnsSettings } from './settings.ts'
import { createZoneOf } from './zone.ts'

/** A message's answer, as bytes; `undefined` where it deserves none. Never rejects. */
export type Handle = (message: Buffer, transport: Transport) => Promise<Buffer | undefined>

/** Reads a question, finds what it asks for, and encodes that; or gives a kept answer again, which is most of the work saved. */
export function createHandle(ports: AnswerPorts, settings: DnsSettings): Handle {
  const { clock, metrics, chance, log } = ports
  const compress = !settings.disableCompression
  const labels = { node: ports.nodeName }
  const kept = new KeptAnswers()
  const zoneOf = createZoneOf(settings)
  const recursors = new Recursors(ports, settings)
  const find = createFind(ports, settings, { zoneOf, recursors })

  return async (message, transport) => {
    const startedMs = clock.monotonicMs()
    const key = transport === 'udp' ? keyOf(message) : ''
    const given = await giveKept(key, message)
    if (given !== undefined) {
      metrics.sample('dns.domain_query', clock.monotonicMs() - startedMs, labels)
      return given
    }
    const reading = readQuestion(message)
    if (reading.kind === 'silence') return undefined
    if (reading.kind === 'refusal') return reading.bytes
    const { question } = reading
    const zone = zoneOf(question.labels)
    if (zone.kind === 'foreign')
      return recursors.isEmpty
        ? refusal(message, rcodes.REFUSED, question.bytes)
        : recurse(message, question, transport)
    const bytes =
      (await answer(question, zone, transport, key)) ??
      (await recurse(message, question, transport))
    const metric = zone.kind === 'reverse' ? 'dns.ptr_query' : 'dns.domain_query'
    metrics.sample(metric, clock.monotonicMs() - startedMs, labels)
    return bytes
  }

  /** The answer given to this message before, if the cluster still says the same. */
  async function giveKept(key: string, message: Buffer): Promise<Buffer | undefined> {
    const entry = kept.find(key)
    if (entry === undefined) return undefined
    try {
      const { value } = await entry.source.reread()
      if (value === entry.source.value) return giveAgain(entry, message, chance)
    } catch (error) {
      log.debug({ error }, 'asking in the long way')
    }
    kept.forget(key)
    return undefined
  }

  /** Somebody else's to answer. */
  async function recurse(
    message: Buffer,
    question: Question,
    transport: Transport,
  ): Promise<Buffer> {
    const given = await recursors.forward(message, question, transport)
    return given ?? encodeAnswer(question, unresolvedAnswer(question), compress)
  }

  /** What we know; undefined where nobody here has the address that was asked for. */
  async function answer(
    question: Question,
    zone: OwnZone,
    transport: Transport,
    key: string,
  ): Promise<Buffer | undefined> {
    try {
      const found = await findOrNotFound(question, zone)
      if (found === undefined) return undefined
      const encoded = encodeFound(question, found, transport, settings, clock.wallMs())
      if (found.pool !== undefined && kept.isSeenAgain(key)) {
        const entry = keptAnswer(question, encoded, found.pool, compress)
        if (entry !== undefined) kept.keep(key, entry)
      }
      return encoded.bytes
    } catch (error) {
      const isUnencodable = error instanceof Unencodable
      log[isUnencodable ? 'warn' : 'error']({ error, name: question.name }, 'no answer')
      return encodeAnswer(question, bareAnswer(question, rcodes.SERVFAIL, settings), compress)
    }
  }

  /** A datacenter nobody has heard of, and what the asker may not see, are names that don't exist. */
  async function findOrNotFound(question: Question, zone: OwnZone): Promise<Found | undefined> {
    try {
      return await find(question, zone)
    } catch (error) {
      const isUnknown =
        error instanceof PraetorError &&
        (error.kind === 'denied' || error.message.endsWith(noPathToDatacenter().message))
      if (isUnknown) return notFound
      throw error
    }
  }
}
