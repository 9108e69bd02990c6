import { fit } from './fit.ts'
import type { Transport } from './fit.ts'
import type { Found } from './lookups/lookup.ts'
import { encodeAnswer } from './message.ts'
import type { Answer } from './message.ts'
import { flagBits, opcodes, rcodes } from './question.ts'
import type { Question } from './question.ts'
import { soaRecord, types } from './records.ts'
import type { DnsSettings } from './settings.ts'

/** An answer and its bytes, as they go out. */
export interface Encoded {
  readonly answer: Answer
  readonly bytes: Buffer
}

/** What was found, as a message the asker can take. Throws Unencodable. */
export function encodeFound(
  question: Question,
  found: Found,
  transport: Transport,
  settings: DnsSettings,
  wallMs: number,
): Encoded {
  const whole = answerOf(question, found, settings, wallMs)
  const compress = !settings.disableCompression
  if (found.isCuttable !== true)
    return { answer: whole, bytes: encodeAnswer(question, whole, compress) }
  // Most answers are measured once and found to fit: they needn't be encoded a second time.
  let measured: (Encoded & { readonly compressed: boolean }) | undefined
  const sizeOf = (answer: Answer, compressed: boolean): number => {
    measured = { answer, compressed, bytes: encodeAnswer(question, answer, compressed) }
    return measured.bytes.length
  }
  const { edns } = question
  const { udpAnswerLimit, enableTruncate } = settings
  const isSrv = question.type === types.SRV
  const limits = { transport, edns, udpAnswerLimit, compress, isSrv }
  const { answer, isTrimmed } = fit(whole, limits, sizeOf)
  const bytes =
    measured?.answer === answer && measured.compressed === compress
      ? measured.bytes
      : encodeAnswer(question, answer, compress)
  if (isTrimmed && enableTruncate) bytes.writeUInt16BE(answer.flags | flagBits.truncated, 2)
  return { answer, bytes }
}

function answerOf(question: Question, found: Found, settings: DnsSettings, wallMs: number): Answer {
  const { answers, additionals, authorities = [] } = found
  const isEmpty = answers.length === 0 && found.hasSoaWhenEmpty === true
  return {
    ...bareAnswer(question, rcodes[found.rcode], settings),
    answers,
    authorities: isEmpty ? [...authorities, soaRecord(settings, wallMs)] : authorities,
    additionals,
  }
}

/** An answer of our own zone with this code and nothing in it. */
export function bareAnswer(
  { opcode, flags, edns }: Question,
  rcode: number,
  { recursors }: Pick<DnsSettings, 'recursors'>,
): Answer {
  // RFC 1035 §4.1.1 and RFC 4035 §3.2.2: both bits come back as they were asked; in notifications they mean nothing.
  const copied =
    opcode === opcodes.query ? flags & (flagBits.recursionDesired | flagBits.checkingDisabled) : 0
  const offered = recursors.length > 0 ? flagBits.recursionAvailable : 0
  const own = flagBits.response | flagBits.authoritative | offered
  return {
    flags: own | (flags & flagBits.opcode) | copied | rcode,
    answers: [],
    authorities: [],
    additionals: [],
    edns,
  }
}

/**
 * For what recursors were asked and none knew. For an address that nobody here has Consul says so too where there is no recursor
 * at all, and offers recursion all the same.
 */
export function unresolvedAnswer(question: Question): Answer {
  const bare = bareAnswer(question, rcodes.SERVFAIL, { recursors: [] })
  return { ...bare, flags: (bare.flags & ~flagBits.authoritative) | flagBits.recursionAvailable }
}
