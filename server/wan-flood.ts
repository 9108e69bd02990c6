import type { Pool } from './gossip/pool.ts'
import { describeError } from './model/errors.ts'
import { hostPort } from './model/host-port.ts'
import { memberStatus } from './model/member.ts'
import { sleep } from './runtime/clock.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'

export interface WanFloodOptions {
  readonly lan: Pick<Pool, 'members' | 'onChange'>
  readonly wan: Pick<Pool, 'members' | 'join'>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** A server that joined nobody may still be missed by a pool that was cut meanwhile. */
const intervalMs = 60_000
/** Members come in crowds. */
const gatherMs = 100

/**
 * Has every server of this data centre in the pool between data centres as soon as it is in this one: who joins one server of a data
 * centre has joined all. Ends when the signal fires.
 */
export async function floodWan({ lan, wan, clock, log, signal }: WanFloodOptions): Promise<void> {
  while (!signal.aborted) {
    for (const address of missing(lan, wan))
      await wan.join([address]).catch((error: unknown) => {
        log.debug(
          { address, error: describeError(error) },
          'a server could not be joined to the WAN',
        )
      })
    await changed(lan, clock, signal)
  }
}

/** Where the servers of the one pool that are not in the other say they can be met. */
function missing(lan: WanFloodOptions['lan'], wan: WanFloodOptions['wan']): readonly string[] {
  const met = new Set(
    wan.members().flatMap(({ Name, Status }) => (Status === memberStatus.alive ? [Name] : [])),
  )
  return lan.members().flatMap(({ Name, Addr, Status, Tags }) => {
    const { dc = '', role, wan_join_port: port = '' } = Tags
    const isWanted = role === 'consul' && Status === memberStatus.alive && Number(port) > 0
    return isWanted && !met.has(`${Name}.${dc}`) ? [hostPort(Addr, Number(port))] : []
  })
}

/** Resolves a moment after somebody came or went, in any case after a while, and when the signal fires. */
async function changed(
  lan: WanFloodOptions['lan'],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const change = new AbortController()
  const unsubscribe = lan.onChange(() => change.abort())
  await sleep(clock, intervalMs, AbortSignal.any([signal, change.signal])).catch(() => undefined)
  unsubscribe()
  await sleep(clock, gatherMs, signal).catch(() => undefined)
}
