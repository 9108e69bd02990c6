import type { Coordinate } from '../model/coordinate.ts'
import { PraetorError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import type { Member } from '../model/member.ts'
import type { GossipOptions } from './driver/driver.ts'
import { openGossip } from './driver/driver.ts'
import type { Gossip } from './driver/driver.ts'
import { describeFailures, resolveTarget } from './join-targets.ts'
import { OpenCommands } from './open-commands.ts'
import type { EventOf } from './open-commands.ts'
import { lanProfile } from './pool-profile.ts'
import type { PoolProfile } from './pool-profile.ts'
import type { Pool } from './pool.ts'
import type { KeyringTally, KeyVerb, Question, SerfEvent, SerfStatus } from './serf/events.ts'
import { ServerWatch } from './server-watch.ts'
import { identify, statementOf } from './statement.ts'

export interface LivePoolOptions extends Omit<
  GossipOptions,
  'self' | 'swim' | 'serf' | 'identify' | 'onEvent'
> {
  /** This node, with the address that others reach it at. */
  readonly self: Member
  /** That of a data centre's pool where none is given. */
  readonly profile?: PoolProfile
}

type MemberEventKind =
  | 'memberJoined'
  | 'memberUpdated'
  | 'memberFailed'
  | 'memberLeft'
  | 'memberReaped'

/** An event that somebody fired, this node included. */
export type FiredEvent = Pick<EventOf<'userEvent'>, 'time' | 'name' | 'payload'>

/** A question that somebody asks of all. */
export type AskedQuestion = Pick<EventOf<'query'>, 'name' | 'payload' | 'from'>

/** What came of a question, by the names of members. */
export interface QueryAnswers {
  /** Who said that it was asked. */
  readonly acks: ReadonlySet<string>
  readonly answers: ReadonlyMap<string, Uint8Array>
}

/**
 * A pool as Consul's agents have it: memberlist's and Serf's protocols, so that theirs may be in it. Rejects with the system's
 * error where the port can't be had.
 */
export async function openLivePool(options: LivePoolOptions): Promise<LivePool> {
  const pool = new LivePool(options)
  await pool.open()
  return pool
}

export class LivePool implements Pool {
  readonly #options: LivePoolOptions
  readonly #changeListeners = new Set<() => void>()
  readonly #eventListeners = new Set<(event: FiredEvent) => void>()
  readonly #responders = new Set<(question: AskedQuestion) => Uint8Array | undefined>()
  readonly #commands = new OpenCommands()
  readonly #serverWatch: ServerWatch
  #gossip: Gossip | undefined

  constructor(options: LivePoolOptions) {
    this.#options = options
    this.#serverWatch = new ServerWatch(options.self)
  }

  async open(): Promise<void> {
    const { profile = lanProfile } = this.#options
    this.#gossip = await openGossip({
      ...this.#options,
      ...profile,
      self: statementOf(this.#options.self),
      identify,
      onEvent: (event) => this.#onEvent(event),
    })
  }

  members(): readonly Member[] {
    return this.#opened.serf.members()
  }

  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener)
    return () => void this.#changeListeners.delete(listener)
  }

  setTags(tags: Readonly<Record<string, string>>): void {
    this.#opened.command({ kind: 'setTags', tags })
  }

  async join(texts: readonly string[]): Promise<number> {
    const { Port } = this.#options.self
    const targets = await Promise.all(texts.map((text) => resolveTarget(text, Port)))
    const addresses = targets.flatMap((one) => ('addresses' in one ? one.addresses : []))
    const done = await this.#commands.run('joinDone', (ticket) =>
      this.#opened.command({ kind: 'join', ticket, addresses, ignoreOld: false }),
    )
    if (done === null) throw closed()
    if (done.joined > 0 || texts.length === 0) return done.joined
    throw new PraetorError('failed', describeFailures(targets, done.failures))
  }

  async leave(): Promise<void> {
    await this.#commands.run('leaveDone', (ticket) =>
      this.#opened.command({ kind: 'leave', ticket }),
    )
  }

  /** With `prune` it is forgotten as well. */
  forceLeave(name: string, { prune = false }: { readonly prune?: boolean } = {}): boolean {
    if (this.#opened.serf.member(name) === null) return false
    void this.#commands.run('forceLeaveDone', (ticket) =>
      this.#opened.command({ kind: 'forceLeave', ticket, node: name, prune }),
    )
    return true
  }

  /** Gossips an event to everybody, ourselves included. Throws a PraetorError where it is too long. */
  fire({ name, payload }: Pick<FiredEvent, 'name' | 'payload'>): void {
    this.#opened.command({ kind: 'fire', name, payload, coalesce: false })
  }

  /** Calls back with each event, once. The result takes the wish back. */
  onEvent(listener: (event: FiredEvent) => void): () => void {
    this.#eventListeners.add(listener)
    return () => void this.#eventListeners.delete(listener)
  }

  /**
   * Asks everybody, ourselves included, and resolves when the time for answers is over; with those so far where the pool is closed
   * first. Rejects with a PraetorError where it can't be asked.
   */
  async query(question: Question): Promise<QueryAnswers> {
    const acks = new Set<string>()
    const answers = new Map<string, Uint8Array>()
    await this.#commands.run(
      'queryDone',
      (ticket) => this.#opened.command({ kind: 'query', ticket, question }),
      (answer) => {
        if (answer.kind === 'queryAcked') acks.add(answer.from)
        else answers.set(answer.from, answer.payload)
      },
    )
    return { acks, answers }
  }

  /** Answers what others ask; undefined says that there is no answer. The result takes the offer back. */
  onQuery(responder: (question: AskedQuestion) => Uint8Array | undefined): () => void {
    this.#responders.add(responder)
    return () => void this.#responders.delete(responder)
  }

  /** Has every member do that with its keyring. Rejects with a PraetorError where it can't be asked. */
  async operateKeyring(verb: KeyVerb, key: Uint8Array, relayFactor: number): Promise<KeyringTally> {
    const done = await this.#commands.run('keyringDone', (ticket) =>
      this.#opened.command({ kind: 'keyring', ticket, verb, key, relayFactor }),
    )
    if (done === null) throw closed()
    return done.tally
  }

  /** Where we stand. */
  coordinate(): Coordinate {
    return this.#opened.serf.coordinate()
  }

  /** Where somebody stands, as it said when we measured it last. */
  coordinateOf(name: string): Coordinate | null {
    return this.#opened.serf.coordinateOf(name)
  }

  /** φ: the evidence that a member is gone, as −log10 of the chance that it would look like this were it alive. */
  suspicionLevel(name: string): number {
    return this.#opened.suspicionLevel(name)
  }

  /** Lifeguard's local health: 0 is well, higher is worse. */
  healthScore(): number {
    return this.#opened.healthScore()
  }

  status(): SerfStatus {
    return this.#opened.serf.status()
  }

  /** Whoever still waits for an answer of the pool is told that there is none. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gossip?.[Symbol.asyncDispose]()
    this.#commands.close()
  }

  get #opened(): Gossip {
    if (this.#gossip === undefined) throw new RangeError('the pool is not open')
    return this.#gossip
  }

  #onEvent(event: SerfEvent): void {
    switch (event.kind) {
      case 'memberJoined':
      case 'memberUpdated':
      case 'memberFailed':
      case 'memberLeft':
      case 'memberReaped':
        return this.#onChange(event)
      case 'userEvent':
        for (const listener of this.#eventListeners) listener(event)
        return
      case 'query':
        return this.#respond(event)
      case 'queryAcked':
      case 'queryAnswered':
        return this.#commands.answered(event)
      case 'joinDone':
      case 'leaveDone':
      case 'forceLeaveDone':
      case 'queryDone':
      case 'keyringDone':
        return this.#commands.ended(event)
      case 'nameConflict':
        return this.#options.log.error(
          { name: event.member.Name, claim: hostPort(event.claim.host, event.claim.port) },
          'two members have one name',
        )
      default:
      // A name that was lost is for those to hear whose profile settles conflicts.
    }
  }

  #onChange({ kind, member }: EventOf<MemberEventKind>): void {
    const watched = this.#serverWatch.note(member, kind === 'memberReaped')
    if (watched !== undefined) this.#gossip?.watch(watched)
    for (const listener of this.#changeListeners) listener()
  }

  /** The first answer is given; one that Serf does not take is as none. */
  #respond({ query, name, payload, from }: EventOf<'query'>): void {
    for (const responder of this.#responders) {
      const answer = responder({ name, payload, from })
      if (answer === undefined) continue
      try {
        return this.#opened.command({ kind: 'respond', query, payload: answer })
      } catch (error) {
        if (!(error instanceof PraetorError)) throw error
        return this.#options.log.warn({ query: name, error: error.message }, 'query not answered')
      }
    }
  }
}

function closed(): PraetorError {
  return new PraetorError('failed', 'the pool was closed')
}
