import type { Index, NodeId, Term } from '../../../server/raft/types.ts'
import type { Scarce } from './bounds.ts'
import type { Renaming } from './renaming.ts'

/** What is remembered of a world's past beside what its servers know, to judge its future by; and how much of each bound is used up. */
export interface Past {
  /** Who led which term. */
  readonly leaders: Readonly<Record<Term, NodeId>>
  /** Of each committed entry: its term, and that of the leader who committed it. */
  readonly committed: readonly { readonly term: Term; readonly by: Term }[]
  /** How much was committed when the read that is open was asked; null if none is. */
  readonly readFloor: Index | null
  readonly used: Readonly<Record<Scarce, number>>
}

export interface Memory extends Past {
  readonly number: number
}

/** Pasts by number: worlds have few different ones. */
export class Memories {
  readonly all: Memory[] = []
  readonly #renamings: readonly Renaming[]
  readonly #byText = new Map<string, Memory>()
  /** By number, and by renaming. */
  readonly #renamed: (Memory | undefined)[][] = []
  readonly #covers: (boolean | undefined)[][] = []

  constructor(renamings: readonly Renaming[]) {
    this.#renamings = renamings
  }

  of(past: Past): Memory {
    const text = JSON.stringify(past)
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const memory: Memory = { ...past, number: this.all.length }
    this.#byText.set(text, memory)
    this.all.push(memory)
    this.#renamed.push([])
    this.#covers.push([])
    return memory
  }

  /** The same past with the servers called other names. */
  renamed(memory: Memory, renaming: number): Memory {
    const byRenaming = this.#renamed[memory.number] as (Memory | undefined)[]
    const known = byRenaming[renaming]
    if (known !== undefined) return known
    const { committed, leaders, readFloor, used } = memory
    const name = this.#renamings[renaming] as Renaming
    const named = Object.entries(leaders).map(([term, id]) => [term, name(id)] as const)
    const found = this.of({ leaders: Object.fromEntries(named), committed, readFloor, used })
    byRenaming[renaming] = found
    return found
  }

  /** Whether whoever has that past could do no more than who has this one, and would be found out no sooner. */
  covers(memory: Memory, other: Memory): boolean {
    const byOther = this.#covers[memory.number] as (boolean | undefined)[]
    byOther[other.number] ??= covers(memory, other)
    return byOther[other.number] === true
  }
}

function covers(past: Past, other: Past): boolean {
  return (
    (Object.keys(past.used) as Scarce[]).every((what) => past.used[what] <= other.used[what]) &&
    (past.readFloor ?? -1) >= (other.readFloor ?? -1) &&
    Object.entries(other.leaders).every(([term, id]) => past.leaders[Number(term)] === id) &&
    other.committed.every(({ by, term }, at) => {
      const own = past.committed[at]
      return own?.term === term && own.by <= by
    })
  )
}
