import { lookup } from 'node:dns/promises'

import { describeError, PraetorError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'
import type { GossipOptions } from './driver/driver.ts'
import { openGossip } from './driver/driver.ts'
import type { Gossip } from './driver/driver.ts'
import { splitJoinAddress } from './join-address.ts'
import type { JoinAddress } from './join-address.ts'
import type { Pool } from './pool.ts'
import { consulLan } from './serf/config.ts'
import type { SerfEvent, Ticket } from './serf/events.ts'
import { lanConfig } from './swim/config.ts'
import type { Identity } from './swim/events.ts'
import type { Address, Alive } from './wire/messages.ts'
import { decodeTags, encodeTags } from './wire/tags.ts'

export interface LivePoolOptions extends Omit<
  GossipOptions,
  'self' | 'swim' | 'serf' | 'identify' | 'onEvent'
> {
  /** This node, with the address that others reach it at. */
  readonly self: Member
}

type EventOf<Kind extends SerfEvent['kind']> = Extract<SerfEvent, { kind: Kind }>

/**
 * The pool of a data centre, as Consul's agents have it: memberlist's and Serf's protocols, so that theirs may be in it. Rejects
 * with the system's error where the port can't be had.
 */
export async function openLivePool(options: LivePoolOptions): Promise<LivePool> {
  const pool = new LivePool(options)
  await pool.open()
  return pool
}

export class LivePool implements Pool {
  readonly #options: LivePoolOptions
  readonly #listeners = new Set<() => void>()
  readonly #joins = new Map<Ticket, (event: EventOf<'joinDone'>) => void>()
  readonly #leaves = new Map<Ticket, () => void>()
  readonly #watched = new Set<string>()
  #lastTicket = 0
  #gossip: Gossip | undefined

  constructor(options: LivePoolOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    this.#gossip = await openGossip({
      ...this.#options,
      self: aliveFrom(this.#options.self),
      swim: lanConfig,
      serf: consulLan,
      identify,
      onEvent: (event) => this.#onEvent(event),
    })
  }

  members(): readonly Member[] {
    return this.#opened.serf.members()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  setTags(tags: Readonly<Record<string, string>>): void {
    this.#opened.command({ kind: 'setTags', tags })
  }

  async join(addresses: readonly string[]): Promise<number> {
    const resolved = await Promise.all(addresses.map(resolve))
    const hosts = resolved.flatMap((one) => ('addresses' in one ? one.addresses : []))
    const done = hosts.length === 0 ? noneJoined : await this.#join(hosts)
    if (done.joined > 0 || addresses.length === 0) return done.joined
    throw new PraetorError('failed', describeFailures(resolved, done))
  }

  leave(): Promise<void> {
    const ticket = this.#nextTicket()
    return new Promise((done) => {
      this.#leaves.set(ticket, done)
      this.#opened.command({ kind: 'leave', ticket })
    })
  }

  forceLeave(name: string): boolean {
    if (this.#opened.serf.member(name) === null) return false
    const ticket = this.#nextTicket()
    this.#opened.command({ kind: 'forceLeave', ticket, node: name, prune: false })
    return true
  }

  /** Whoever still waits for an answer of the pool is told that there is none. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gossip?.[Symbol.asyncDispose]()
    for (const done of this.#leaves.values()) done()
    for (const [ticket, done] of this.#joins)
      done({ kind: 'joinDone', ticket, joined: 0, failures: [] })
    this.#leaves.clear()
    this.#joins.clear()
  }

  get #opened(): Gossip {
    if (this.#gossip === undefined) throw new RangeError('the pool is not open')
    return this.#gossip
  }

  #nextTicket(): Ticket {
    this.#lastTicket += 1
    return this.#lastTicket
  }

  #join(addresses: readonly Address[]): Promise<EventOf<'joinDone'>> {
    const ticket = this.#nextTicket()
    // A refusal, which only a pool that was left gives, rejects.
    return new Promise((done) => {
      this.#joins.set(ticket, done)
      this.#opened.command({ kind: 'join', ticket, addresses, ignoreOld: false })
    })
  }

  #onEvent(event: SerfEvent): void {
    switch (event.kind) {
      case 'memberJoined':
      case 'memberUpdated':
      case 'memberFailed':
      case 'memberLeft':
      case 'memberReaped':
        this.#watch(event.member, event.kind === 'memberReaped')
        for (const listener of this.#listeners) listener()
        return
      case 'joinDone':
        this.#joins.get(event.ticket)?.(event)
        this.#joins.delete(event.ticket)
        return
      case 'leaveDone':
        this.#leaves.get(event.ticket)?.()
        this.#leaves.delete(event.ticket)
        return
      case 'nameConflict':
        return this.#options.log.error(
          { name: event.member.Name, claim: hostPort(event.claim.host, event.claim.port) },
          'two members have one name',
        )
      default:
      // Events, queries and keys belong to those who ask for them.
    }
  }

  /** Servers are few and much depends on them, so they are heard from more often than the rest. */
  #watch({ Name, Status, Tags }: Member, isReaped: boolean): void {
    const isWatched =
      !isReaped &&
      Status === memberStatus.alive &&
      Tags['role'] === 'consul' &&
      Name !== this.#options.self.Name
    if (isWatched === this.#watched.has(Name)) return
    if (isWatched) this.#watched.add(Name)
    else this.#watched.delete(Name)
    this.#gossip?.watch([...this.#watched])
  }
}

function aliveFrom(self: Member): Alive {
  const { ProtocolMin, ProtocolMax, ProtocolCur, DelegateMin, DelegateMax, DelegateCur } = self
  return {
    kind: 'alive',
    incarnation: 1,
    node: self.Name,
    address: { host: self.Addr, port: self.Port },
    meta: encodeTags(self.Tags),
    versions: {
      protocol: [ProtocolMin, ProtocolMax, ProtocolCur],
      delegate: [DelegateMin, DelegateMax, DelegateCur],
    },
  }
}

function identify(meta: Uint8Array): Identity | null {
  const { id = '' } = decodeTags(meta)
  return id === '' ? null : { id, startedMs: null }
}

type Resolved = { readonly addresses: readonly Address[] } | { readonly unknownHost: string }

/** A name may stand for many: each is contacted. */
async function resolve(text: string): Promise<Resolved> {
  const { host, port }: JoinAddress = splitJoinAddress(text)
  if (host === '') return { unknownHost: host }
  try {
    const found = await lookup(host, { all: true })
    return { addresses: found.map(({ address }) => ({ host: address, port })) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw new PraetorError('failed', describeError(error))
    return { unknownHost: host }
  }
}

const noneJoined: EventOf<'joinDone'> = { kind: 'joinDone', ticket: 0, joined: 0, failures: [] }

/** As hashicorp/go-multierror writes it. */
function describeFailures(
  resolved: readonly Resolved[],
  { failures }: EventOf<'joinDone'>,
): string {
  const unresolved = resolved.flatMap((one) =>
    'unknownHost' in one
      ? [`Failed to resolve ${one.unknownHost}: lookup ${one.unknownHost}: no such host`]
      : [],
  )
  const unreached = failures.map(
    ({ to, reason }) => `Failed to join ${to.host}: ${describeFailure(to, reason)}`,
  )
  const lines = [...unresolved, ...unreached].map((line) => `\t* ${line}\n`)
  const count = lines.length === 1 ? '1 error' : `${lines.length} errors`
  return `${count} occurred:\n${lines.join('')}\n`
}

function describeFailure(to: Address, reason: string): string {
  const address = hostPort(to.host, to.port)
  if (reason === 'refused') return `dial tcp ${address}: connect: connection refused`
  if (reason === 'timeout') return `dial tcp ${address}: i/o timeout`
  if (reason === 'reset') return 'EOF'
  return reason
}
