import { PraetorError, noPathToDatacenter } from '../../model/errors.ts'
import { userEventVersion } from '../../model/user-event.ts'
import type { EventRequest, UserEvent } from '../../model/user-event.ts'
import type { Chance } from '../../runtime/chance.ts'
import type { Clock } from '../../runtime/clock.ts'
import { checkRequest, isFor } from './audience.ts'
import type { CompilePattern, Listener } from './audience.ts'
import { open, seal } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { RecentEvents } from './recent-events.ts'

export interface UserEventsNeeds {
  readonly clock: Clock
  readonly chance: Chance
  readonly datacenter: string
  readonly compilePattern: CompilePattern
  /** This agent as it is now: its services come and go. */
  readonly listener: () => Listener
  /** Gossips to everybody in this data centre, ourselves included. Throws a PraetorError where that is too long. */
  readonly broadcast: (envelope: Envelope) => void
  /** Takes events by name that are for the agent itself: they are told to it, and to nobody who watches. */
  readonly own?: Readonly<Record<string, (event: UserEvent) => void>>
}

/** Users' events on one agent: those that it fires, and those that it hears of. */
export class UserEvents {
  readonly #needs: UserEventsNeeds
  readonly #recent: RecentEvents

  constructor(needs: UserEventsNeeds) {
    this.#needs = needs
    this.#recent = new RecentEvents(needs.clock)
  }

  /** The event as it was fired. Rejects with a PraetorError in Consul's words. */
  async fire(request: EventRequest, options: { readonly datacenter: string }): Promise<UserEvent> {
    const { chance, compilePattern, datacenter, broadcast } = this.#needs
    checkRequest(request, compilePattern)
    if (options.datacenter !== '' && options.datacenter !== datacenter) throw noPathToDatacenter()
    const { Name, Payload, NodeFilter, ServiceFilter, TagFilter } = request
    const filters = { NodeFilter, ServiceFilter, TagFilter }
    const event = { ID: chance.uuid(), Name, Payload, ...filters, Version: userEventVersion }
    try {
      broadcast(seal(event))
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      // A Consul gossips to each of its network segments, of which there is one, without a name.
      const reason = `error broadcasting event to segment "": ${error.message}`
      throw new PraetorError('failed', `1 error occurred:\n\t* ${reason}\n\n`)
    }
    return { ...event, LTime: 0 }
  }

  /** An event of Serf's. What is not a user's, or not for this agent, is passed over. */
  hear(envelope: Envelope, time: number): void {
    const { listener, compilePattern, own } = this.#needs
    const event = open(envelope, time)
    if (event === undefined || !isFor(event, listener(), compilePattern)) return
    const take = own?.[event.Name]
    if (take === undefined) this.#recent.add(event)
    else take(event)
  }

  /** The last that were for this agent, the oldest first. */
  recent(): readonly UserEvent[] {
    return this.#recent.list()
  }

  /** Resolves when that holds of them, at once where it does; else when the wait is over or the signal fires. */
  until(
    holds: (events: readonly UserEvent[]) => boolean,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#recent.until(holds, waitMs, signal)
  }
}
