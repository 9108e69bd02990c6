import type { Answer } from './message.ts'
import type { Edns } from './question.ts'
import type { DnsRecord } from './records.ts'

export type Transport = 'udp' | 'tcp'

export interface FitLimits {
  readonly transport: Transport
  readonly edns: Edns | undefined
  readonly udpAnswerLimit: number
  readonly compress: boolean
  readonly isSrv: boolean
}

/** The answer and whether records had to be left out. */
export interface Fitted {
  readonly answer: Answer
  readonly isTrimmed: boolean
}

/** What everyone takes over UDP (RFC 1035 §4.2.1), what a datagram can hold, and Consul's bound for TCP. */
export const plainUdpSizeMaxBytes = 512
const datagramMaxBytes = 65_507
const tcpSizeMaxBytes = 65_523
/** Consul's own bound on `udp_answer_limit`. */
const udpAnswersMax = 8
/** Room that Consul keeps free in a message without an OPT record. */
const udpSpareBytes = 7
/** More records than these can't be in 64 KiB, so there's no need to measure them. */
const tcpAnswersMax = 4096
const tcpSrvAnswersMax = 1024

/**
 * Leaves out what is too much: records beyond the count for askers without EDNS, then records from the tail until the message is
 * small enough, authority first. Of the additional records only those stay that a kept SRV record points to. At least one answer
 * stays, however large.
 *
 * `sizeOf` gives a message's bytes with its OPT record, compressed or not. Without EDNS an answer that had too many records is measured without
 * compression, so that it stays under 512 bytes whoever unpacks it on the way; this is how Consul measures it too.
 */
export function fit(
  answer: Answer,
  limits: FitLimits,
  sizeOf: (answer: Answer, compress: boolean) => number,
): Fitted {
  const { sizeMaxBytes, answersMax } = bounds(limits)
  const isOverCount = answer.answers.length > answersMax
  const compress = limits.compress && !(isOverCount && limits.transport === 'udp')
  const counted = isOverCount ? cut(answer, answersMax) : answer
  if (counted.answers.length <= 1 || sizeOf(counted, compress) <= sizeMaxBytes)
    return { answer: counted, isTrimmed: isOverCount }

  const fits = (answersCount: number): boolean =>
    sizeOf(cut(counted, answersCount), compress) <= sizeMaxBytes
  return { answer: cut(counted, largest(counted.answers.length, fits)), isTrimmed: true }
}

function bounds({ transport, edns, udpAnswerLimit, isSrv }: FitLimits): {
  readonly sizeMaxBytes: number
  readonly answersMax: number
} {
  if (transport === 'tcp')
    return { sizeMaxBytes: tcpSizeMaxBytes, answersMax: isSrv ? tcpSrvAnswersMax : tcpAnswersMax }
  // Consul adds the OPT record after it has measured and so may go past what the asker takes; we measure with it.
  const asked = edns?.sizeBytes ?? 0
  if (asked > plainUdpSizeMaxBytes)
    return { sizeMaxBytes: Math.min(asked, datagramMaxBytes), answersMax: Number.POSITIVE_INFINITY }
  return {
    sizeMaxBytes: edns === undefined ? plainUdpSizeMaxBytes - udpSpareBytes : plainUdpSizeMaxBytes,
    answersMax: Math.min(udpAnswerLimit, udpAnswersMax),
  }
}

/** The largest number in [1, limit) for which `fits` holds, by bisection; 1 if there's none. */
function largest(limit: number, fits: (count: number) => boolean): number {
  let good = 1
  let bad = limit
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (fits(middle)) good = middle
    else bad = middle
  }
  return good
}

/** The answer with its first records only, without authority, and with what the SRV records among them point to. */
function cut(answer: Answer, count: number): Answer {
  const answers = answer.answers.slice(0, count)
  return {
    ...answer,
    answers,
    authorities: [],
    additionals: targetsOf(answers, answer.additionals),
  }
}

/** In the order of the SRV records, each target once, and following aliases. */
function targetsOf(
  answers: readonly DnsRecord[],
  additionals: readonly DnsRecord[],
): readonly DnsRecord[] {
  if (additionals.length === 0) return additionals
  const byName = new Map<string, DnsRecord>()
  for (const record of additionals) {
    const name = record.name.toLowerCase()
    if (!byName.has(name)) byName.set(name, record)
  }
  const kept: DnsRecord[] = []
  for (const record of answers) {
    let target = record.type === 'SRV' ? record.target.toLowerCase() : undefined
    while (target !== undefined) {
      const found = byName.get(target)
      byName.delete(target)
      if (found !== undefined) kept.push(found)
      target = found?.type === 'CNAME' ? found.target.toLowerCase() : undefined
    }
  }
  return kept
}
