import type { ReadMethod, ReadMethods, ReadReply } from '../../server/model/methods.ts'
import type { DnsPorts } from '../ports.ts'
import type { Question } from '../question.ts'
import type { DnsRecord } from '../records.ts'
import type { DnsSettings } from '../settings.ts'

/** How one kind of name is answered: ask the cluster, and make records of what it says. What is thrown becomes SERVFAIL. */
export type Lookup<Subject> = (
  context: LookupContext,
  asked: Asked,
  subject: Subject,
) => Promise<Found>

/** The part of a question a lookup needs; also made for an alias of a service that is a name of ours. */
export type Asked = Pick<Question, 'name' | 'labels' | 'type'>

export interface LookupContext {
  readonly ports: DnsPorts
  readonly settings: DnsSettings
  /** Reads with the consistency that is configured, in this datacenter when it is `''`. */
  readonly read: <M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    datacenter: string,
  ) => Promise<ReadReply<ReadMethods[M]['reply']>>
  /** The addresses and aliases that another name leads to, ours or not; none where nobody knows it or aliases led too far. */
  readonly resolve: (name: string) => Promise<readonly DnsRecord[]>
}

export interface Found {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'NOTIMP'
  readonly answers: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
  readonly authorities?: readonly DnsRecord[]
  /** Say nothing found with the zone's SOA, so that it can be cached (RFC 2308). */
  readonly hasSoaWhenEmpty?: boolean
  /** Cut the answer to what the asker takes: there may be any number of records. */
  readonly isCuttable?: boolean
  /** Where the answers are single addresses of instances in random order: how to give such an answer again (kept.ts). */
  readonly pool?: AddressPool
}

export interface AddressPool {
  /** One record for each instance, of which an answer shows some. */
  readonly records: readonly DnsRecord[]
  /** What they were made from. */
  readonly value: unknown
  /** Asks again: the records are still right if the same value comes, soon enough. */
  readonly reread: () => Promise<ReadReply<unknown>>
}

export const notFound: Found = {
  rcode: 'NXDOMAIN',
  answers: [],
  additionals: [],
  hasSoaWhenEmpty: true,
}

export const nothing: Found = { rcode: 'NOERROR', answers: [], additionals: [] }
