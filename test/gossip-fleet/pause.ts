import { setTimeout as sleep } from 'node:timers/promises'

import { Fleet } from './fleet.ts'

export interface PauseOptions {
  /** Beside those two that have a single member. */
  readonly processes: number
  readonly membersEach: number
  readonly pauseMs: number
}

export interface PauseOutcome {
  /** How many suspected the one that paused, and how many gave it up. */
  readonly suspecting: number
  readonly failing: number
  /** How long after the other stopped all had given it up. */
  readonly givenUpS: number
  /** How many times somebody else was given up. */
  readonly innocents: number
}

/** In a fleet with two processes of a single member: stops the one for a while, until nobody minds, and then the other for good. */
export async function pauseOne(options: PauseOptions): Promise<PauseOutcome> {
  const { processes, membersEach, pauseMs } = options
  const [resting, ending] = [processes, processes + 1]
  const sizes = [...Array.from({ length: processes }, () => membersEach), 1, 1]
  await using fleet = await Fleet.start(sizes)
  await fleet.converge()

  fleet.stop(resting)
  await sleep(pauseMs)
  fleet.goOn(resting)
  await fleet.untilTrusted()
  const [rested = '', ended = ''] = [...fleet.namesIn(resting), ...fleet.namesIn(ending)]
  const suspecting = new Set(fleet.seen('suspected', rested).map(({ by }) => by)).size
  const failing = fleet.seen('failed', rested).length

  // Of who stood still lately it is expected: another shows what becomes of one who never did.
  const stoppedMs = fleet.stop(ending)
  const others = fleet.seats.length - 1
  await fleet.until(() => fleet.seen('failed', ended).length >= others, 60_000)
  const lastMs = Math.max(...fleet.seen('failed', ended).map(({ atMs }) => atMs))
  const innocents = fleet.seen('failed').filter(({ of }) => of !== rested && of !== ended).length
  return { suspecting, failing, givenUpS: (lastMs - stoppedMs) / 1000, innocents }
}
