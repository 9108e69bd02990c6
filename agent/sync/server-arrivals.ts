import { memberStatus } from '../../server/model/member.ts'
import type { Member } from '../../server/model/member.ts'

/** The pool of the data centre, as far as its servers go. */
export interface ServerPool {
  members(): readonly Member[]
  onChange(listener: () => void): () => void
}

/** Calls back when a server is there that was not a moment ago. The result takes the wish back. */
export function onServerArrival(pool: ServerPool, arrived: () => void): () => void {
  let known = servers(pool)
  return pool.onChange(() => {
    const present = servers(pool)
    const isNew = [...present].some((name) => !known.has(name))
    known = present
    if (isNew) arrived()
  })
}

function servers(pool: ServerPool): ReadonlySet<string> {
  return new Set(
    pool
      .members()
      .filter(({ Tags, Status }) => Tags['role'] === 'consul' && Status === memberStatus.alive)
      .map(({ Name }) => Name),
  )
}
