import type { Chance } from '../server/runtime/chance.ts'
import type { Encoded } from './answer.ts'
import type { AddressPool } from './lookups/lookup.ts'
import { encodeAnswer } from './message.ts'
import { headerSizeBytes } from './question.ts'
import type { Question } from './question.ts'

const entriesMax = 4096
const sizeMaxBytes = 16 * 1024 * 1024
/** What an entry takes beside its bytes, about. */
const entryOverheadBytes = 512
/** A question is no longer than this; what comes with more isn't worth remembering. */
const keySizeMaxBytes = 512
/** Messages remembered to have been seen once. */
const newcomersMax = 4096

/**
 * Answers that were given and may be given again: those that are nothing but addresses of a service's instances. The key is the
 * question's whole message but for its id, so whatever may change an answer (letters, type, flags, EDNS) is part of it. What is
 * kept says nothing about the time or the cluster's state: the cluster is asked every time, and only if it gives the identical
 * value are the addresses copied, in a new random order.
 *
 * Some askers never send the same message twice: they vary the letters of the name or put a random cookie in it, against forgers.
 * So a message must be seen a second time before its answer is kept, or such askers would push out everyone else's.
 */
export class KeptAnswers {
  readonly #entries = new Map<string, KeptAnswer>()
  readonly #newcomers = new Set<string>()
  #sizeBytes = 0

  /** The answer given to this very message before, which becomes the last to be forgotten. */
  find(key: string): KeptAnswer | undefined {
    const kept = this.#entries.get(key)
    if (kept === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, kept)
    return kept
  }

  /** True for a message that came before; from now on this one did. */
  isSeenAgain(key: string): boolean {
    if (key === '') return false
    if (this.#newcomers.delete(key)) return true
    if (this.#newcomers.size === newcomersMax) this.#newcomers.clear()
    this.#newcomers.add(key)
    return false
  }

  keep(key: string, kept: KeptAnswer): void {
    this.forget(key)
    this.#entries.set(key, kept)
    this.#sizeBytes += sizeOf(key, kept)
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= entriesMax && this.#sizeBytes <= sizeMaxBytes) break
      this.forget(oldest)
    }
  }

  forget(key: string): void {
    const kept = this.#entries.get(key)
    if (kept === undefined) return
    this.#entries.delete(key)
    this.#sizeBytes -= sizeOf(key, kept)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get size(): number {
    return this.#entries.size
  }
}

/** An encoded answer with room for `shown` records of one size, and all the records it may show. */
export interface KeptAnswer {
  readonly source: AddressPool
  readonly template: Buffer
  /** Where the first record begins. */
  readonly recordsAt: number
  readonly recordSizeBytes: number
  readonly shown: number
  readonly pool: Buffer
  /** The records' numbers, in the order that the last answer left them in. */
  readonly order: Uint32Array
}

/** What a message is found by; `''` for one that isn't to be kept. */
export function keyOf(message: Buffer): string {
  return message.length > keySizeMaxBytes ? '' : message.toString('latin1', 2)
}

/** How to give this answer again; `undefined` where its records differ in size. */
export function keptAnswer(
  question: Question,
  { answer, bytes }: Encoded,
  source: AddressPool,
  compress: boolean,
): KeptAnswer | undefined {
  const [first] = source.records
  if (source.records.some(({ type }) => type !== first?.type)) return undefined
  const recordsAt = headerSizeBytes + question.bytes.length
  const bare = { flags: 0, answers: source.records, authorities: [], additionals: [] }
  const pool = encodeAnswer(question, { ...bare, edns: undefined }, compress).subarray(recordsAt)
  return {
    source,
    template: Buffer.from(bytes),
    recordsAt,
    recordSizeBytes: pool.length / source.records.length,
    shown: answer.answers.length,
    pool: Buffer.from(pool),
    order: Uint32Array.from(source.records.keys()),
  }
}

/** The answer to this message: its id, and other records in another order, each selection and order as likely as any. */
export function giveAgain(kept: KeptAnswer, message: Buffer, chance: Chance): Buffer {
  const { template, recordsAt, recordSizeBytes, shown, pool, order } = kept
  const bytes = Buffer.allocUnsafe(template.length)
  template.copy(bytes)
  bytes[0] = message[0] ?? 0
  bytes[1] = message[1] ?? 0
  // The first steps of a Fisher–Yates shuffle; that they begin from the last answer's order makes no choice less likely.
  const last = order.length
  for (let at = 0; at < shown; at += 1) {
    const pick = at + Math.floor(chance.fraction() * (last - at))
    const record = order[pick] ?? 0
    order[pick] = order[at] ?? 0
    order[at] = record
    const from = record * recordSizeBytes
    pool.copy(bytes, recordsAt + at * recordSizeBytes, from, from + recordSizeBytes)
  }
  return bytes
}

function sizeOf(key: string, { template, pool, order }: KeptAnswer): number {
  return key.length + template.length + pool.length + order.byteLength + entryOverheadBytes
}
