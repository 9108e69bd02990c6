/** What the parent of a fleet tells the processes that its members live in, and what those tell it. */

/** One member, and where it is. */
export interface Seat {
  readonly name: string
  readonly host: string
  readonly port: number
}

export type Order =
  /** Have these members. Answered by `opened`. */
  | { readonly kind: 'open'; readonly seats: readonly Seat[] }
  /** Each joins by way of these addresses. Answered by `joined`. */
  | { readonly kind: 'join'; readonly through: readonly string[] }
  /** These fall silent, without a word. Answered by `ended`. */
  | { readonly kind: 'end'; readonly names: readonly string[] }
  /** Answered by `views`. */
  | { readonly kind: 'look' }

/** Times are of one monotonic clock that all processes of a machine share, in milliseconds. */
export type Report =
  | { readonly kind: 'opened' }
  | { readonly kind: 'joined' }
  | { readonly kind: 'ended'; readonly atMs: number }
  /** With the longest time for which the process did nothing, or one thing, since it was asked last. */
  | { readonly kind: 'views'; readonly views: readonly View[]; readonly stallMs: number }
  | Sighting

/** A member has come to believe something of another. */
export interface Sighting {
  readonly kind: 'suspected' | 'failed' | 'alive' | 'left'
  readonly by: string
  readonly of: string
  readonly atMs: number
}

/** What a member believes now. */
export interface View {
  readonly by: string
  readonly alive: readonly string[]
  /** Those of them that stand accused. */
  readonly suspected: readonly string[]
  readonly failed: readonly string[]
  /** Of itself: 0 is well, and whoever is not probes more slowly. */
  readonly healthScore: number
}

export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
