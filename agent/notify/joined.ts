import { memberStatus } from '../../server/model/member.ts'
import type { Member } from '../../server/model/member.ts'
import type { AgentConfig } from '../config/runtime.ts'

/** The pool of the data centre, as far as it matters who is in it. */
export interface JoinedPool {
  members(): readonly Member[]
  onChange(listener: () => void): () => void
}

/** Resolves once there is another member, which may have found us first; at once for one that was told of no others. */
export function untilJoined(
  pool: JoinedPool,
  { nodeName, retryJoin }: Pick<AgentConfig, 'nodeName' | 'retryJoin'>,
): Promise<void> {
  const isJoined = (): boolean =>
    pool.members().some(({ Name, Status }) => Name !== nodeName && Status === memberStatus.alive)
  if (retryJoin.addresses.length === 0 || isJoined()) return Promise.resolve()
  return new Promise((resolve) => {
    const unsubscribe = pool.onChange(() => {
      if (!isJoined()) return
      unsubscribe()
      resolve()
    })
  })
}
