import type { NodeId } from '../../../server/raft/types.ts'

/** Other names for the servers: the same world but for who is called what. */
export type Renaming = (id: NodeId) => NodeId

/** `1`, `2`, …: so many servers. */
export function serverIds(servers: number): NodeId[] {
  return Array.from({ length: servers }, (_, at) => String(at + 1))
}

/** Every renaming of so many servers; the first changes nothing. The core does the same under each, but where a tie is broken by name. */
export function renamings(servers: number): Renaming[] {
  const ids = serverIds(servers)
  return permutations(ids).map((names) => {
    const byId = new Map(ids.map((id, at) => [id, names[at] ?? id]))
    return (id) => byId.get(id) ?? id
  })
}

function permutations(ids: readonly NodeId[]): NodeId[][] {
  if (ids.length <= 1) return [[...ids]]
  return ids.flatMap((id) =>
    permutations(ids.filter((other) => other !== id)).map((rest) => [id, ...rest]),
  )
}
