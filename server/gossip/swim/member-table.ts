import { must } from '../../model/assert.ts'
import type { Chance } from '../../runtime/chance.ts'
import type { Alive, WireState } from '../wire/messages.ts'
import type { Directory } from './directory.ts'
import type { SwimMember } from './events.ts'
import type { Claim } from './precedence.ts'
import { ProbeOrder } from './probe-order.ts'
import type { Suspicion } from './suspicion.ts'

/**
 * Everyone this node knows of: what each last said of itself, and for the few in trouble what others say of them.
 *
 * A member is its number in the directory. One that is well costs a reference to its statement and four bytes of probe order,
 * so that the ten thousand views of a simulation of ten thousand members fit in memory.
 */
export class MemberTable {
  readonly directory: Directory
  /** Alive and suspect members, without this node. */
  readonly live: ProbeOrder
  readonly #statements: (Alive | undefined)[] = []
  readonly #troubles = new Map<number, Trouble>()
  readonly #degraded = new Set<number>()
  /** This node, which is in no list of others. */
  #self: number | null = null
  #size = 0

  constructor(directory: Directory, chance: Chance) {
    this.directory = directory
    this.live = new ProbeOrder(chance)
  }

  /** Members of any state, this node included. */
  get size(): number {
    return this.#size
  }

  find(name: string): number | null {
    const number = this.directory.find(name)
    return number !== undefined && this.#statements[number] !== undefined ? number : null
  }

  /** This node. */
  addSelf(statement: Alive): number {
    this.#self = this.#keep(statement)
    return this.#self
  }

  /** Takes somebody in who was unknown, as alive. */
  add(statement: Alive): number {
    const number = this.#keep(statement)
    this.live.insert(number)
    return number
  }

  /** Somebody known spoke for itself: it is alive. */
  restate(number: number, statement: Alive): void {
    const wasLive = this.isLive(number)
    this.#statements[number] = this.directory.intern(number, statement)
    this.#troubles.delete(number)
    this.#list(number, wasLive)
  }

  /** Others, or this node, say something worse of it. */
  condemn(number: number, trouble: Trouble): void {
    const wasLive = this.isLive(number)
    this.#troubles.set(number, trouble)
    this.#list(number, wasLive)
  }

  remove(number: number): void {
    this.live.remove(number)
    this.#troubles.delete(number)
    this.#degraded.delete(number)
    this.#statements[number] = undefined
    this.#size -= 1
    this.directory.release(number)
  }

  statement(number: number): Alive {
    return must(this.#statements[number], 'a member has said something of itself')
  }

  trouble(number: number): Trouble | null {
    return this.#troubles.get(number) ?? null
  }

  /** Everyone who is not well, in the order in which they came into trouble. */
  troubles(): IterableIterator<[number, Trouble]> {
    return this.#troubles.entries()
  }

  state(number: number): WireState {
    return this.#troubles.get(number)?.state ?? 'alive'
  }

  isLive(number: number): boolean {
    const state = this.state(number)
    return state === 'alive' || state === 'suspect'
  }

  claim(number: number): Claim {
    return this.#troubles.get(number) ?? { incarnation: this.incarnation(number), state: 'alive' }
  }

  /** The highest incarnation heard of, from itself or from an accuser. */
  incarnation(number: number): number {
    return this.#troubles.get(number)?.incarnation ?? this.statement(number).incarnation
  }

  isDegraded(number: number): boolean {
    return this.#degraded.has(number)
  }

  /** True where that is news. */
  degrade(number: number, isDegraded: boolean): boolean {
    if (this.#degraded.has(number) === isDegraded) return false
    if (isDegraded) this.#degraded.add(number)
    else this.#degraded.delete(number)
    return true
  }

  *numbers(): Generator<number> {
    for (let number = 0; number < this.#statements.length; number += 1)
      if (this.#statements[number] !== undefined) yield number
  }

  #keep(statement: Alive): number {
    const number = this.directory.hold(statement.node)
    this.#statements[number] = this.directory.intern(number, statement)
    this.#size += 1
    return number
  }

  #list(number: number, wasLive: boolean): void {
    const isLive = this.isLive(number)
    if (number === this.#self || isLive === wasLive) return
    if (isLive) this.live.insert(number)
    else {
      this.live.remove(number)
      this.#degraded.delete(number)
    }
  }

  view(number: number): SwimMember {
    const { node, address, meta, versions } = this.statement(number)
    const { incarnation, state } = this.claim(number)
    const degraded = this.isDegraded(number)
    const unconfirmed = this.#troubles.get(number)?.isPrivate === true
    return { name: node, address, meta, versions, incarnation, state, degraded, unconfirmed }
  }
}

export interface Trouble extends Claim {
  readonly state: 'suspect' | 'dead' | 'left'
  readonly incarnation: number
  readonly sinceMs: number
  readonly suspicion: Suspicion | null
  /** What we believe and did not tell, being deaf ourselves: the member may disprove it without having heard of it. */
  readonly isPrivate: boolean
}
