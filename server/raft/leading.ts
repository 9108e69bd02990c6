import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { RoleChange } from './core/output.ts'
import { stateNames } from './stats.ts'
import type { Term } from './types.ts'

/**
 * Who leads, as this server knows it, and who wants to hear when it is this one. It is called leading only when it has applied an
 * entry of its own term: what it applied before may be old (Raft §8).
 */
export class Leading {
  readonly #log: Log
  readonly #metrics: Metrics
  #role: RoleChange = { role: 'follower', term: 0, leader: null }
  #leading = false
  readonly #callbacks = new Set<(leading: boolean) => void>()
  readonly #watchers = new Set<() => void>()

  constructor(log: Log, metrics: Metrics) {
    this.#log = log
    this.#metrics = metrics
  }

  get role(): RoleChange {
    return this.#role
  }

  get isLeading(): boolean {
    return this.#leading
  }

  enter(role: RoleChange): void {
    const isFound = role.leader !== null && role.leader !== this.#role.leader
    if (role.role !== this.#role.role) {
      const name = stateNames[role.role].toLowerCase()
      this.#log.info({ term: role.term }, `entering ${name} state`)
      this.#metrics.count(`raft.state.${name}`)
    }
    this.#role = role
    if (isFound) for (const watcher of this.#watchers) watcher()
  }

  /** Told after every turn what the state machine holds. */
  note(appliedTerm: Term): void {
    const leads = this.#role.role === 'leader'
    this.#set(leads && (this.#leading || appliedTerm === this.#role.term))
  }

  /** The server goes away: it leads nobody, and knows of nobody who does. */
  end(): void {
    this.#role = { ...this.#role, role: 'follower', leader: null }
    this.#set(false)
  }

  subscribe(callback: (leading: boolean) => void): Disposable {
    this.#callbacks.add(callback)
    if (this.#leading) callback(true)
    return { [Symbol.dispose]: () => this.#callbacks.delete(callback) }
  }

  /** Called when it becomes known who leads: this server, which may not be ready yet, or another. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) }
  }

  #set(leading: boolean): void {
    if (leading === this.#leading) return
    this.#leading = leading
    for (const callback of this.#callbacks) callback(leading)
  }
}
