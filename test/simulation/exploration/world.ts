import { firstEntry } from '../../../server/raft/core/membership.ts'
import { emptyMembership } from '../../../server/raft/types.ts'
import { type Action, Actions } from './actions.ts'
import type { Bounds, Scarce } from './bounds.ts'
import { Mail } from './mail.ts'
import { Memories, type Memory } from './memory.ts'
import { renamings, serverIds } from './renaming.ts'
import { judged } from './rules.ts'
import {
  serverIn,
  ServerStates,
  type Letter,
  type ServerState,
  type Step,
} from './server-states.ts'

/** Servers in the order of their ids, what is remembered, and every letter that may come. */
export interface World {
  readonly servers: readonly ServerState[]
  readonly memory: Memory
  readonly letters: readonly Letter[]
}

type Tell = (action: Action, next: World) => void

/** A few servers and everything that can happen to them next: the relation that a search goes along. */
export class Worlds {
  readonly states: ServerStates
  readonly memories: Memories
  readonly isPlain: boolean
  readonly #bounds: Bounds
  readonly #actions: Actions
  readonly #mail: Mail
  /** What was last tried: what broke a rule, if one was broken. */
  trying: Action | null = null

  constructor(bounds: Bounds) {
    // Who gives way, and who is asked to take over, is decided by names where nothing else decides it.
    const isNamed =
      bounds.preVotes === 'asked' || Boolean(bounds.resignations) || Boolean(bounds.changes)
    const names = isNamed ? renamings(bounds.servers).slice(0, 1) : renamings(bounds.servers)
    this.states = new ServerStates(names)
    this.memories = new Memories(names)
    this.isPlain = bounds.isPlain === true
    this.#bounds = bounds
    this.#actions = new Actions(bounds)
    this.#mail = new Mail(this.states, this.isPlain)
  }

  /** All have the cluster's first entry, in which they are its voters. */
  first(): World {
    const ids = serverIds(this.#bounds.servers)
    const first = firstEntry({ ...emptyMembership, voters: ids })
    const hardState = { term: first.term, vote: null, commit: 0 }
    const steps = ids.map((id) => this.states.start(id, { hardState, entries: [first] }))
    const used = {
      crashes: 0,
      delays: 0,
      beats: 0,
      reads: 0,
      changes: 0,
      transfers: 0,
      resignations: 0,
    }
    return {
      servers: steps.map(({ after }) => after),
      memory: this.memories.of({ leaders: {}, committed: [], readFloor: null, used }),
      letters: steps.flatMap(({ sent }) => sent),
    }
  }

  /** Tells of every world that can be next, and how it came. Throws a Violation, or the core's own AssertionFailed. */
  next(world: World, tell: Tell): void {
    for (const letter of world.letters) {
      const server = serverIn(world.servers, letter.to)
      this.trying = this.#actions.delivery(letter)
      const step = this.states.deliver(server, letter)
      const isAnswered = step.after === server && !this.isPlain
      if (!isAnswered) this.#happen(world, this.trying, step, tell)
    }
    for (const server of world.servers)
      for (const action of this.#actions.of(server)) {
        if (!this.#mayHappen(world, action.cost)) continue
        this.trying = action
        const step = this.states.take(server, action.event, action.name)
        this.#happen(world, action, step, tell)
      }
  }

  /** Where delays are bounded a batch is written at once, but for so many times. */
  #happen(world: World, action: Action, step: Step, tell: Tell): void {
    const { pending } = serverIn(world.servers, action.id)
    const isWritten = step.after.pending <= pending || this.#bounds.delays === undefined
    if (isWritten) return this.#become(world, action, step, tell)
    if (action.cost === null && this.#mayHappen(world, 'delays'))
      this.#become(world, this.#actions.later(action), step, tell)
    this.#become(world, action, this.#written(step), tell)
  }

  #written(step: Step): Step {
    let { after } = step
    const [sent, ready] = [[...step.sent], [...step.ready]]
    while (after.pending > 0) {
      const written = this.states.take(after, { kind: 'write' }, 'write')
      sent.push(...written.sent)
      ready.push(...written.ready)
      after = written.after
    }
    return { after, sent, ready }
  }

  #become(world: World, action: Action, { after, ready, sent }: Step, tell: Tell): void {
    const before = serverIn(world.servers, action.id)
    const servers =
      after === before
        ? world.servers
        : world.servers.map((server) => (server === before ? after : server))
    const past = judged({ action, before, after, servers, ready }, world.memory)
    const memory = past === null ? world.memory : this.memories.of(past)
    const letters = this.#mail.after(world.letters, servers, { was: before, is: after, sent })
    const isOther =
      after !== before || memory !== world.memory || letters.length > world.letters.length
    if (isOther) tell(action, { servers, memory, letters })
  }

  #mayHappen({ memory }: World, cost: Scarce | null): boolean {
    return cost === null || memory.used[cost] < (this.#bounds[cost] ?? 0)
  }
}
