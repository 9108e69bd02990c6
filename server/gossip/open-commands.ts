import type { SerfEvent, Ticket } from './serf/events.ts'

export type EventOf<Kind extends SerfEvent['kind']> = Extract<SerfEvent, { kind: Kind }>

/** What a command with a ticket ends in. */
type End = EventOf<'joinDone' | 'leaveDone' | 'forceLeaveDone' | 'queryDone' | 'keyringDone'>

/** What comes in before. */
export type Answer = EventOf<'queryAcked' | 'queryAnswered'>

interface OpenCommand {
  readonly onAnswer: (answer: Answer) => void
  readonly onEnd: (end: End | null) => void
}

/** What was asked of Serf and is not over. */
export class OpenCommands {
  readonly #open = new Map<Ticket, OpenCommand>()
  #lastTicket = 0

  /**
   * Begins a command with a ticket of its own, and resolves with what it ends in; with null where the pool is closed first. Rejects
   * where `begin` throws.
   */
  async run<Kind extends End['kind']>(
    kind: Kind,
    begin: (ticket: Ticket) => void,
    onAnswer: (answer: Answer) => void = () => undefined,
  ): Promise<EventOf<Kind> | null> {
    this.#lastTicket += 1
    const ticket = this.#lastTicket
    const ended = new Promise<End | null>((resolve) => {
      this.#open.set(ticket, { onAnswer, onEnd: resolve })
    })
    try {
      begin(ticket)
    } catch (error) {
      this.#open.delete(ticket)
      throw error
    }
    const end = await ended
    return end?.kind === kind ? (end as EventOf<Kind>) : null
  }

  answered(answer: Answer): void {
    this.#open.get(answer.ticket)?.onAnswer(answer)
  }

  ended(end: End): void {
    const command = this.#open.get(end.ticket)
    this.#open.delete(end.ticket)
    command?.onEnd(end)
  }

  /** Whoever still waits is told that nothing more comes. */
  close(): void {
    for (const { onEnd } of this.#open.values()) onEnd(null)
    this.#open.clear()
  }
}
