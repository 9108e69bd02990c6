import { assertNever, must } from '../model/assert.ts'
import { notLeader, PraetorError } from '../model/errors.ts'
import type { Refusal, Settlement, Ticket } from './core/output.ts'
import { bounds, type Index, type Membership } from './types.ts'

/** How much may wait in a server's hands; beyond it a proposal is refused at once, and its caller may come back later. */
export interface ProposalBounds {
  /** Proposals taken and not yet settled. */
  readonly proposalsMax: number
  /** Their payloads together. */
  readonly payloadBytesMax: number
}

export const proposalBounds: ProposalBounds = { proposalsMax: 8192, payloadBytesMax: 64 << 20 }

export interface Proposal<Result> {
  readonly payload: Uint8Array
  /** On the monotonic clock, for `raft.commitTime`. */
  readonly proposedAtMs: number
  readonly resolve: (result: Result) => void
  readonly reject: (error: Error) => void
}

/**
 * Proposals from their callers' hands to their results: waiting for a turn, then with the core under a ticket, then committed
 * and waiting to be applied. Each is settled exactly once.
 */
export class Proposals<Result> {
  readonly #bounds: ProposalBounds
  #waiting: Proposal<Result>[] = []
  /** Those before it have been taken; a shift for each would be O(n). */
  #waitingStart = 0
  readonly #ticketed = new Map<Ticket, Proposal<Result>>()
  #committed: { readonly index: Index; readonly proposal: Proposal<Result> }[] = []
  #committedStart = 0
  #payloadBytes = 0
  #unsettled = 0

  constructor(limits: ProposalBounds) {
    this.#bounds = limits
  }

  /** Proposals taken and not yet settled. */
  get unsettled(): number {
    return this.#unsettled
  }

  get waiting(): number {
    return this.#waiting.length - this.#waitingStart
  }

  /** Why this payload cannot be taken now, or undefined. */
  refusal(payload: Uint8Array): PraetorError | undefined {
    if (payload.length > bounds.payloadBytesMax) return tooLarge(payload.length)
    const full =
      this.#unsettled >= this.#bounds.proposalsMax ||
      this.#payloadBytes + payload.length > this.#bounds.payloadBytesMax
    return full ? queueFull() : undefined
  }

  add(proposal: Proposal<Result>): void {
    this.#waiting.push(proposal)
    this.#unsettled += 1
    this.#payloadBytes += proposal.payload.length
  }

  /** Hands the oldest that waits over under this ticket, and gives its payload. */
  issue(ticket: Ticket): Uint8Array {
    const proposal = must(this.#waiting[this.#waitingStart], 'a proposal that waits')
    this.#waitingStart += 1
    if (this.#waitingStart === this.#waiting.length) {
      this.#waiting = []
      this.#waitingStart = 0
    }
    this.#ticketed.set(ticket, proposal)
    return proposal.payload
  }

  /** As `add` and `issue`, past everything that waits. */
  issueAhead(ticket: Ticket, proposal: Proposal<Result>): void {
    this.#unsettled += 1
    this.#payloadBytes += proposal.payload.length
    this.#ticketed.set(ticket, proposal)
  }

  settle(settlement: Settlement): void {
    const proposal = must(this.#ticketed.get(settlement.ticket), 'a proposal for its settlement')
    this.#ticketed.delete(settlement.ticket)
    if (settlement.outcome === 'committed') {
      this.#committed.push({ index: settlement.index, proposal })
      return
    }
    this.#close(proposal)
    proposal.reject(whyNot(settlement))
  }

  /** The proposal that became the entry at `index`, if it was made here. Asked for every entry, in order. */
  takeCommitted(index: Index): Proposal<Result> | undefined {
    const oldest = this.#committed[this.#committedStart]
    if (oldest === undefined || oldest.index !== index) return undefined
    this.#committedStart += 1
    if (this.#committedStart === this.#committed.length) {
      this.#committed = []
      this.#committedStart = 0
    }
    this.#close(oldest.proposal)
    return oldest.proposal
  }

  /** A snapshot that holds the entries up to `index` came instead of them: nobody here will see their results. */
  forgetCommitted(index: Index): void {
    const forgotten = this.#committed.slice(this.#committedStart)
    this.#committed = forgotten.filter((committed) => committed.index > index)
    this.#committedStart = 0
    for (const { proposal } of forgotten.filter((committed) => committed.index <= index)) {
      this.#close(proposal)
      proposal.reject(leadershipLost())
    }
  }

  /**
   * Nothing more is settled here. What the core was given may be in the log already, and others may yet commit it; what waited
   * for its turn is in nobody's.
   */
  rejectAll(): void {
    const handed = [
      ...this.#committed.slice(this.#committedStart).map(({ proposal }) => proposal),
      ...this.#ticketed.values(),
    ]
    const waiting = this.#waiting.slice(this.#waitingStart)
    this.#committed = []
    this.#committedStart = 0
    this.#ticketed.clear()
    this.#waiting = []
    this.#waitingStart = 0
    this.#rejectEach(handed, leadershipLost())
    this.#rejectEach(waiting, shutDown())
  }

  #rejectEach(proposals: readonly Proposal<Result>[], error: Error): void {
    for (const proposal of proposals) {
      this.#close(proposal)
      proposal.reject(error)
    }
  }

  #close(proposal: Proposal<Result>): void {
    this.#unsettled -= 1
    this.#payloadBytes -= proposal.payload.length
  }
}

/** The texts are those of Consul's own raft library, which find their way to its clients. */
export const leadershipLost = (): PraetorError =>
  new PraetorError('failed', 'leadership lost while committing log')

export const shutDown = (): PraetorError =>
  new PraetorError('unavailable', 'raft is already shutdown')

export const queueFull = (): PraetorError =>
  new PraetorError('limited', 'timed out enqueuing operation')

/** Where others vote too, one of them will lead, and it may be asked. */
export const noDiskSpace = ({ voters }: Membership): PraetorError =>
  new PraetorError(
    'unavailable',
    `the data directory's disk is full or does not keep up${voters.length > 1 ? '' : ', and no other server could write instead'}`,
  )

const tooLarge = (sizeBytes: number): PraetorError =>
  new PraetorError(
    'too-large',
    `a log entry of ${sizeBytes} bytes exceeds the limit of ${bounds.payloadBytesMax}`,
  )

/** What the caller of a proposal that came to nothing is told. */
export function whyNot(settlement: Exclude<Settlement, { outcome: 'committed' }>): PraetorError {
  switch (settlement.outcome) {
    case 'notLeader':
      return notLeader()
    case 'lost':
    case 'unknown':
      return leadershipLost()
    case 'refused':
      return whyRefused(settlement.reason)
    default:
      return assertNever(settlement)
  }
}

function whyRefused(reason: Refusal): PraetorError {
  switch (reason) {
    case 'payload-too-large':
      return new PraetorError('too-large', 'the log entry is too large')
    case 'too-many-uncommitted':
    case 'too-many-unapplied':
      return queueFull()
    case 'membership-busy':
      return new PraetorError('conflict', 'another change of members is under way')
    case 'membership-invalid':
      return new PraetorError('bad-request', 'the change of members is not valid')
    default:
      return assertNever(reason)
  }
}
