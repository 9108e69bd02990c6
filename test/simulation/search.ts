import { must } from '../../server/model/assert.ts'
import { firstOf, World, type Action, type Bounds } from './world.ts'

export interface Found {
  readonly states: number
  readonly transitions: number
  /** Every state that takes so many steps, or fewer, was visited. */
  readonly depth: number
  /** There are no more states within the bounds. */
  readonly isWhole: boolean
  /** The most entries that a state had committed: a search that never came so far proves little. */
  readonly committedMax: number
  readonly violation: { readonly text: string; readonly path: readonly string[] } | null
}

/** How a state was come to first. */
interface Reached {
  readonly parent: Reached | null
  readonly action: Action | null
}

/**
 * Breadth first over the real core, as a model checker goes over a model: so the first violation is a shortest one. A core can not
 * be copied, so a state is kept as the way to it, and made again by going that way.
 */
export function search(
  bounds: Bounds,
  statesMax: number,
  progress: (depth: number, states: number) => void = () => {},
): Found {
  const first = firstOf(bounds)
  const worldAt = (reached: Reached): World => {
    const world = new World(bounds, first)
    for (const action of wayTo(reached)) world.take(action)
    return world
  }
  const seen = new Set([new World(bounds, first).key()])
  let frontier: Reached[] = [{ parent: null, action: null }]
  let [depth, transitions, committedMax] = [0, 0, 0]
  const found = (isWhole: boolean, violation: Found['violation']): Found => ({
    states: seen.size,
    transitions,
    depth,
    isWhole,
    committedMax,
    violation,
  })
  while (frontier.length > 0) {
    const next: Reached[] = []
    for (const reached of frontier) {
      for (const action of worldAt(reached).actions()) {
        const step: Reached = { parent: reached, action }
        transitions += 1
        let world: World
        try {
          world = worldAt(step)
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error)
          return found(false, { text, path: wayTo(step).map((taken) => JSON.stringify(taken)) })
        }
        committedMax = Math.max(committedMax, world.commitIndex)
        const before = seen.size
        seen.add(world.key())
        if (seen.size > before) next.push(step)
        if (seen.size >= statesMax) return found(false, null)
      }
    }
    depth += 1
    frontier = next
    progress(depth, seen.size)
  }
  return found(true, null)
}

function wayTo(reached: Reached): Action[] {
  const way: Action[] = []
  for (let at: Reached = reached; at.action !== null; at = must(at.parent, 'an earlier state'))
    way.push(at.action)
  return way.toReversed()
}
