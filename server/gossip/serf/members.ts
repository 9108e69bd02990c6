import { must } from '../../model/assert.ts'
import { memberStatus } from '../../model/member.ts'
import type { Member } from '../../model/member.ts'
import type { Address, Versions } from '../wire/messages.ts'
import { Refused } from '../wire/refusal.ts'
import type { KnownMember, LamportTime } from '../wire/serf-messages.ts'
import { decodeTags } from '../wire/tags.ts'
import type { Tags } from '../wire/tags.ts'

type Status = keyof typeof memberStatus

/** A member as Serf keeps it: what the membership core says of it, and what its own and others' intents make of that. */
export interface MemberRecord {
  readonly name: string
  address: Address
  tags: Tags
  versions: Versions
  status: Exclude<Status, 'none'>
  /** The time of the newest intent about it that was heeded. */
  statusTime: LamportTime
  /** When it failed or left; meaningless before. */
  goneMs: number
  /** Whether it is to be forgotten as soon as it is gone. */
  prune: boolean
}

/** Everyone known, by name. */
export class MemberTable {
  readonly #records = new Map<string, MemberRecord>()
  readonly #own: string

  constructor(own: MemberRecord) {
    this.#own = own.name
    this.#records.set(own.name, own)
  }

  get own(): MemberRecord {
    return must(this.#records.get(this.#own), 'this node is a member')
  }

  get size(): number {
    return this.#records.size
  }

  get(name: string): MemberRecord | undefined {
    return this.#records.get(name)
  }

  add(record: MemberRecord): void {
    this.#records.set(record.name, record)
  }

  delete(name: string): void {
    this.#records.delete(name)
  }

  all(): Iterable<MemberRecord> {
    return this.#records.values()
  }

  count(...statuses: readonly MemberRecord['status'][]): number {
    let found = 0
    for (const { status } of this.#records.values()) if (statuses.includes(status)) found += 1
    return found
  }

  /** How many take part, this node included: who is asked, and how far gossip has to go. */
  present(): number {
    return this.count('alive', 'leaving')
  }

  isAlone(): boolean {
    for (const { name, status } of this.#records.values())
      if (status === 'alive' && name !== this.#own) return false
    return true
  }

  /** Whether somebody we know is there. Answers go nowhere else: a forged question must not aim them at strangers. */
  isAddress({ host, port }: Address): boolean {
    for (const { address } of this.#records.values())
      if (address.host === host && address.port === port) return true
    return false
  }
}

/** A member whose tags can't be read is a member still, without any. */
export function tagsIn(meta: Uint8Array): Tags {
  try {
    return decodeTags(meta)
  } catch (error) {
    if (error instanceof Refused) return {}
    throw error
  }
}

/** As `/v1/agent/members` prints it. Tags are in the order of their names, as Go prints a map. */
export function asMember(record: MemberRecord): Member {
  const { name, address, tags, versions, status } = record
  return {
    Name: name,
    Addr: address.host,
    Port: address.port,
    Tags: Object.fromEntries(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    Status: memberStatus[status],
    ProtocolMin: versions.protocol[0],
    ProtocolMax: versions.protocol[1],
    ProtocolCur: versions.protocol[2],
    DelegateMin: versions.delegate[0],
    DelegateMax: versions.delegate[1],
    DelegateCur: versions.delegate[2],
  }
}

/** As it is described to who asks whose a name is. */
export function asKnown(record: MemberRecord): KnownMember {
  const { name, address, tags, versions, status } = record
  return { name, address, tags, versions, status: memberStatus[status] }
}
