import { must } from '../../../server/model/assert.ts'
import type { Outbound, RaftMessage } from '../../../server/raft/core/messages.ts'
import type { Role } from '../../../server/raft/core/output.ts'
import type { Entry, Index, Membership, NodeId, Term } from '../../../server/raft/types.ts'
import { hold } from '../violation.ts'
import { checkKnown, describeMessage, describeProcess } from './description.ts'
import { fingerprintsOf } from './fingerprint.ts'
import { entriesOf, Process, type Doing, type Found, type ServerEvent } from './process.ts'
import type { Renaming } from './renaming.ts'

/** A log by the terms of its entries, which is all that tells two of them apart as long as each term has one leader. */
export type Terms = readonly Term[]

/** A message that was ever sent, by its number. */
export interface Letter {
  readonly number: number
  readonly from: NodeId
  readonly to: NodeId
  readonly message: RaftMessage
  /** By renaming: a number for the letter that it is when the servers are called so, whether anybody ever sends that one or not. */
  readonly names: readonly number[]
}

/** A state in which a server can be, and what the judges need to know of it. */
export interface ServerState {
  readonly number: number
  readonly id: NodeId
  readonly role: Role
  readonly term: Term
  readonly log: Terms
  readonly commit: Index
  readonly membership: Membership
  readonly disk: { readonly term: Term; readonly vote: NodeId | null; readonly log: Terms }
  /** Batches on their way to the disk. */
  readonly pending: number
  /** Of each that it leads: how far it counts on that one's disk. */
  readonly matches: readonly (readonly [NodeId, Index])[]
  /** Two words for each renaming. */
  readonly fingerprint: Uint32Array
  /** How it was come to: an event in another state, or a start from a disk. */
  readonly origin:
    | { readonly before: ServerState; readonly event: ServerEvent }
    | { readonly found: Found }
  /** What was found out about it: by the number of a letter, and of other events by their name. */
  readonly steps: Map<number | string, Step>
}

/** The one that is called so, of all in the order of their ids. */
export function serverIn(servers: readonly ServerState[], id: NodeId): ServerState {
  return servers[Number(id) - 1] as ServerState
}

/** What an event makes of a server. */
export interface Step {
  readonly after: ServerState
  readonly sent: readonly Letter[]
  /** Up to where each read may be answered that became ready. */
  readonly ready: readonly Index[]
}

/**
 * Every state of a server that a search meets, once, with every step that it takes from there: as a core does the same for the same
 * events, each is tried once, on the real one, however many worlds it is a part of. A core can not be copied; so it is made again by
 * going the way from its start.
 */
export class ServerStates {
  readonly #renamings: readonly Renaming[]
  readonly #byText = new Map<string, ServerState>()
  readonly #letters = new Map<string, Letter>()
  readonly #names = new Map<string, number>()
  readonly letters: Letter[] = []
  readonly all: ServerState[] = []

  constructor(renamings: readonly Renaming[]) {
    this.#renamings = renamings
  }

  start(id: NodeId, found: Found): Step {
    const process = new Process(id, found)
    const doing = process.start()
    return this.#step(process, doing, { found })
  }

  deliver(state: ServerState, letter: Letter): Step {
    const known = state.steps.get(letter.number)
    if (known !== undefined) return known
    const { from, message } = letter
    const step = this.#take(state, { kind: 'deliver', from, message })
    state.steps.set(letter.number, step)
    return step
  }

  /** `name` is the event's, and no other's. */
  take(state: ServerState, event: ServerEvent, name: string): Step {
    const known = state.steps.get(name)
    if (known !== undefined) return known
    const step = this.#take(state, event)
    state.steps.set(name, step)
    return step
  }

  /** The same for the same words between the same two. */
  letter(from: NodeId, { message, to }: Outbound): Letter {
    const texts = this.#renamings.map(
      (name) => `${name(from)}>${name(to)} ${describeMessage(message, name)}`,
    )
    const text = must(texts[0], 'a renaming')
    const known = this.#letters.get(text)
    if (known !== undefined) return known
    const letter: Letter = {
      number: this.letters.length,
      from,
      to,
      // Nothing here depends on when it was sent.
      message: 'sentAtMs' in message ? { ...message, sentAtMs: 0 } : message,
      names: texts.map((renamed) => this.#nameOf(renamed)),
    }
    this.#letters.set(text, letter)
    this.letters.push(letter)
    return letter
  }

  #nameOf(text: string): number {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    this.#names.set(text, this.#names.size)
    return this.#names.size - 1
  }

  #take(state: ServerState, event: ServerEvent): Step {
    const process = remade(state)
    if (event.kind === 'crash') return this.start(state.id, process.found(event.written))
    const doing = process.do(event)
    const step = this.#step(process, doing, { before: state, event })
    checkStep(state, step, doing)
    return step
  }

  #step(process: Process, { reads, sent }: Doing, origin: ServerState['origin']): Step {
    const after = this.#stateOf(process, origin)
    const letters = new Set(sent.map((outbound) => this.letter(process.id, outbound)))
    for (const { message, to } of letters) checkPromise(after, to, message)
    const ready = reads.flatMap((read) => (read.outcome === 'ready' ? [read.index] : []))
    return { after, sent: [...letters], ready }
  }

  #stateOf(process: Process, origin: ServerState['origin']): ServerState {
    const [same, ...others] = this.#renamings
    const text = describeProcess(process, must(same, 'a renaming'))
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const { core, disk, id, pending } = process
    checkKnown(core.state())
    const { commitIndex, membership, progress, role, term } = core.status()
    const { log } = core.state()
    const entries = log.last.index === 0 ? [] : log.entries(1, log.last.index, everything)
    const state: ServerState = {
      number: this.all.length,
      id,
      role,
      term,
      log: termsOf(entries),
      commit: commitIndex,
      membership,
      disk: {
        term: disk.hardState.term,
        vote: disk.hardState.vote,
        log: termsOf(entriesOf(disk)),
      },
      pending: pending.length,
      matches: [...progress].map(([follower, { match }]) => [follower, match]),
      fingerprint: fingerprintsOf([
        text,
        ...others.map((renaming) => describeProcess(process, renaming)),
      ]),
      origin,
      steps: new Map(),
    }
    this.#byText.set(text, state)
    this.all.push(state)
    return state
  }
}

/** Goes the way from the start of its process. */
function remade(state: ServerState): Process {
  const events: ServerEvent[] = []
  let at = state
  while ('before' in at.origin) {
    events.push(at.origin.event)
    at = at.origin.before
  }
  const process = new Process(state.id, at.origin.found)
  process.start()
  for (const event of events.toReversed())
    process.do(event as Exclude<ServerEvent, { kind: 'crash' }>)
  return process
}

/** What one step must not do, whatever other servers do. */
function checkStep(before: ServerState, { after }: Step, { appended }: Doing): void {
  const { id } = before
  hold(after.term >= before.term, 'TermNeverFalls', () => `${id} goes back to ${after.term}`)
  hold(
    after.commit >= before.commit,
    'CommitNeverFalls',
    () => `${id} goes back to ${after.commit}`,
  )
  hold(after.commit <= after.log.length, 'CommitIsInLog', () => `${id} commits ${after.commit}`)
  for (const { truncateFrom } of appended) {
    if (truncateFrom === null) continue
    hold(
      truncateFrom > before.commit,
      'CommittedStays',
      () => `${id} committed ${before.commit} and takes back entries from ${truncateFrom}`,
    )
    hold(
      before.role !== 'leader' || after.role !== 'leader' || after.term > before.term,
      'LeaderAppendOnly',
      () => `${id} leads term ${after.term} and takes back entries from ${truncateFrom}`,
    )
  }
  hold(
    after.disk.term !== before.disk.term ||
      before.disk.vote === null ||
      after.disk.vote === before.disk.vote,
    'OneVoteATerm',
    () => `${id} votes for ${before.disk.vote} and ${after.disk.vote} in term ${after.disk.term}`,
  )
  if (after.role !== 'leader' || after.commit === before.commit) return
  const ofTerm = after.log[after.commit - 1]
  hold(
    ofTerm === after.term,
    'LeaderCommitsItsTerm',
    () => `${id} leads term ${after.term} and counts entry ${after.commit} of term ${ofTerm}`,
  )
}

/** What a message promises is on the disk when it leaves. */
function checkPromise({ disk, id }: ServerState, to: NodeId, message: RaftMessage): void {
  const { kind, term } = message
  const votes = (candidate: NodeId): boolean =>
    disk.term > term || (disk.term === term && disk.vote === candidate)
  if (kind === 'vote')
    hold(votes(id), 'CandidacyIsDurable', () => `${id} asks for votes in term ${term}`)
  if (kind === 'voteResponse' && message.granted)
    hold(votes(to), 'VoteIsDurable', () => `${id} tells ${to} of a vote in term ${term}`)
  if (kind !== 'appendResponse' || !message.accepted) return
  hold(disk.term >= term, 'TermIsDurable', () => `${id} answers in term ${term}`)
  hold(
    disk.log.length >= message.index,
    'AckIsDurable',
    () => `${id} tells ${to} that it has entry ${message.index}, and its disk has not`,
  )
}

function termsOf(entries: readonly Entry[]): Terms {
  return entries.map(({ term }) => term)
}

const everything = { entriesMax: Infinity, bytesMax: Infinity }
