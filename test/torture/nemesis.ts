import type { Chance } from '../../server/runtime/chance.ts'
import type { Cluster } from './cluster.ts'
import { type Fault, faults, type Scene } from './faults.ts'
import { nap } from './nap.ts'
import type { Record } from './record.ts'

const askMs = 100

export interface NemesisOptions {
  readonly cluster: Cluster
  readonly chance: Chance
  readonly record: Record
  /** Only these, or, where there are none, a selection of those that so many servers can bear. */
  readonly only: readonly string[]
  readonly signal: AbortSignal
}

/** Draws faults and inflicts them until the signal fires; resolves when the last is undone. */
export async function haunt(options: NemesisOptions): Promise<void> {
  const { chance, cluster, record, signal } = options
  const chosen = choose(options)
  const sleep = (ms: number): Promise<void> => nap(ms, signal)
  const tell: Scene['tell'] = (what, loss) => {
    record.inflicted.push({ at: record.now(), what, loss })
  }
  const until: Scene['until'] = async (isSo, ms) => {
    const deadline = record.now() + ms
    while (!signal.aborted && record.now() < deadline && !(await isSo())) await sleep(askMs)
  }
  const lane = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(200 + 1500 * chance.fraction())
      if (signal.aborted) return
      const fault = chosen[Math.floor(chance.fraction() * chosen.length)]
      await fault?.inflict({ cluster, chance, tell, sleep, until })
    }
  }
  // Where some servers may be away, two things may go wrong at once.
  await Promise.all(cluster.servers.length < 3 ? [lane()] : [lane(), lane()])
}

/** Swarm testing (Groce et al., 2012): a run with fewer kinds of faults comes to states that one with all of them never does. */
function choose({ chance, cluster, only }: NemesisOptions): readonly Fault[] {
  if (only.length > 0) {
    const unknown = only.filter((name) => !faults.some((fault) => fault.name === name))
    if (unknown.length > 0)
      throw new Error(
        `there is no fault ${unknown.join(', ')}, but ${faults.map(({ name }) => name).join(', ')}`,
      )
    return faults.filter(({ name }) => only.includes(name))
  }
  const bearable = faults.filter(({ serversMin }) => cluster.servers.length >= serversMin)
  return bearable.filter(({ isAlways }) => chance.fraction() < 0.6 || isAlways === true)
}
