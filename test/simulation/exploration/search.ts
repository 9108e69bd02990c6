import { must } from '../../../server/model/assert.ts'
import type { Action } from './actions.ts'
import type { Bounds } from './bounds.ts'
import { Numbers } from './numbers.ts'
import { Visited } from './visited.ts'
import { type World, Worlds } from './world.ts'

export interface Found {
  /** Worlds that differ in more than in who is called what, the first one among them. */
  readonly worlds: number
  readonly transitions: number
  /** Of these worlds, those that differ in their servers. */
  readonly clusters: number
  /** States of single servers, and messages, that these worlds are made of. */
  readonly servers: number
  readonly letters: number
  /** Every world that takes so many steps, or fewer, was visited. */
  readonly depth: number
  /** There are no more within the bounds. */
  readonly isWhole: boolean
  /** The most entries that were committed in one: a search that never came so far proves little. */
  readonly committedMax: number
  readonly violation: { readonly text: string; readonly path: readonly string[] } | null
}

/**
 * Breadth first over everything that can happen to a few of the real cores, as a model checker goes over a model: so the first
 * violation is a shortest one.
 */
export function search(
  bounds: Bounds,
  worldsMax: number,
  progress: (found: Found) => void = () => {},
): Found {
  const search = new Search(bounds, worldsMax)
  return search.run(progress)
}

class Search {
  readonly #worlds: Worlds
  readonly #worldsMax: number
  readonly #visited: Visited
  /** Of each world by number: that which it was first come to from, and by which action. */
  readonly #parents = new Numbers()
  readonly #causes = new Numbers()
  readonly #actions: Action[] = []
  readonly #numbers = new Map<Action, number>()
  #transitions = 0
  #depth = 0
  #committedMax = 0

  constructor(bounds: Bounds, worldsMax: number) {
    this.#worlds = new Worlds(bounds)
    this.#visited = new Visited(this.#worlds, bounds.servers)
    this.#worldsMax = worldsMax
  }

  run(progress: (found: Found) => void): Found {
    this.#meet(this.#worlds.first(), 0, 0)
    for (let number = 0; number < this.#visited.count;) {
      const end = this.#visited.count
      for (; number < end; number += 1) {
        if (this.#visited.isCovered(number)) continue
        const violation = this.#goOn(number)
        if (violation !== null) return this.#found(false, violation)
        if (this.#visited.count >= this.#worldsMax) return this.#found(false, null)
      }
      this.#depth += 1
      progress(this.#found(false, null))
    }
    return this.#found(true, null)
  }

  #goOn(number: number): Found['violation'] {
    try {
      this.#worlds.next(this.#visited.at(number), (action, next) => {
        this.#transitions += 1
        this.#meet(next, number, this.#numberOf(action))
      })
      return null
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      const last = this.#worlds.trying
      return { text, path: [...this.#pathTo(number), ...(last === null ? [] : [print(last)])] }
    }
  }

  #meet(world: World, parent: number, cause: number): void {
    if (this.#visited.add(world) === null) return
    this.#parents.push(parent)
    this.#causes.push(cause)
    this.#committedMax = Math.max(this.#committedMax, world.memory.committed.length)
  }

  #numberOf(action: Action): number {
    const known = this.#numbers.get(action)
    if (known !== undefined) return known
    this.#actions.push(action)
    this.#numbers.set(action, this.#actions.length - 1)
    return this.#actions.length - 1
  }

  #pathTo(number: number): string[] {
    const path: string[] = []
    for (let at = number; at > 0; at = this.#parents.at(at))
      path.push(print(must(this.#actions[this.#causes.at(at)], 'an action')))
    return path.toReversed()
  }

  #found(isWhole: boolean, violation: Found['violation']): Found {
    const { states } = this.#worlds
    return {
      worlds: this.#visited.count,
      clusters: this.#visited.clusters,
      transitions: this.#transitions,
      servers: states.all.length,
      letters: states.letters.length,
      depth: this.#depth,
      isWhole,
      committedMax: this.#committedMax,
      violation,
    }
  }
}

function print({ event, id, name }: Action): string {
  if (event.kind !== 'deliver') return `${id} ${name}`
  const { from, message } = event
  const text = JSON.stringify(message, (key, value: unknown) =>
    key === 'payload' ? undefined : value,
  )
  return `${id} ← ${from} ${text}`
}
