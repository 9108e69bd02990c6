import { membersOf } from '../../../server/raft/core/membership.ts'
import type { NodeId } from '../../../server/raft/types.ts'
import type { Bounds, Scarce } from './bounds.ts'
import type { ServerEvent } from './process.ts'
import { serverIds } from './renaming.ts'
import type { Letter, ServerState } from './server-states.ts'

/** Something that can happen to one server. */
export interface Action {
  readonly id: NodeId
  readonly event: ServerEvent
  /** Names the event among those of its server. */
  readonly name: string
  readonly cost: Scarce | null
}

/** Each action once, however often it is possible. */
export class Actions {
  readonly #bounds: Bounds
  readonly #own = new Map<ServerState, readonly Action[]>()
  readonly #deliveries: Action[] = []
  readonly #later = new Map<Action, Action>()

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** What a server may do of its own accord. */
  of(state: ServerState): readonly Action[] {
    const known = this.#own.get(state)
    if (known !== undefined) return known
    const { id, log, membership, pending, role, term } = state
    const { entriesMax, preVotes, servers, termMax } = this.#bounds
    const actions: Action[] = []
    const add = (event: ServerEvent, cost: Scarce | null = null, detail = ''): void =>
      void actions.push({ id, event, name: `${event.kind}${detail}`, cost })
    if (pending > 0) add({ kind: 'write' })
    for (let written = 0; written <= pending; written += 1)
      add({ kind: 'crash', written }, 'crashes', ` after ${written} of ${pending}`)
    if (role !== 'leader') {
      if (term < termMax) add({ kind: 'campaign', isGranted: preVotes === 'granted' })
    } else {
      if (log.length <= entriesMax) add({ kind: 'propose' })
      add({ kind: 'beat' }, 'beats')
      add({ kind: 'read' }, 'reads')
      add({ kind: 'resign' }, 'resignations')
      const members = membersOf(membership)
      for (const other of serverIds(servers)) {
        const kind = members.includes(other) ? 'remove' : 'add'
        add({ kind, id: other }, 'changes', ` ${other}`)
        if (other !== id && term < termMax)
          add({ kind: 'transfer', id: other }, 'transfers', ` to ${other}`)
      }
    }
    const possible = actions.filter(({ cost }) => cost === null || (this.#bounds[cost] ?? 0) > 0)
    this.#own.set(state, possible)
    return possible
  }

  /** The same action, but that its write is not done at once. */
  later(action: Action): Action {
    const known = this.#later.get(action)
    if (known !== undefined) return known
    const later: Action = { ...action, name: `${action.name}, written later`, cost: 'delays' }
    this.#later.set(action, later)
    return later
  }

  delivery(letter: Letter): Action {
    const { from, message, number, to } = letter
    this.#deliveries[number] ??= {
      id: to,
      event: { kind: 'deliver', from, message },
      name: `deliver ${number}`,
      cost: null,
    }
    return this.#deliveries[number]
  }
}
