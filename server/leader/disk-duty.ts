import { sleep } from '../runtime/clock.ts'
import type { Duty } from './duty.ts'

const lookMs = 250

/**
 * Who was just elected stays for so long whatever its disk is like: the others may be no better, and leadership that goes round
 * serves nobody. It is less than the time for which a refused write is held (Consul's rpc_hold_timeout).
 */
const stayMs = 5_000

/**
 * Leadership is for a server that can write. One whose disk is full refuses every new entry; one whose disk does not answer gathers
 * them in memory. Any of the others that has the whole log does better, and this one can still vote.
 */
export const yieldForDisk: Duty = {
  name: 'disk',
  async run({ clock, log, raft, diskTrouble }, signal) {
    for (let stayUntilMs = clock.monotonicMs() + stayMs; ;) {
      await sleep(clock, lookMs, signal)
      const trouble = diskTrouble()
      if (trouble === undefined || raft.membership().voters.length < 2) continue
      if (clock.monotonicMs() < stayUntilMs) continue
      log.warn({}, `${trouble}: handing leadership over to a server that can write`)
      raft.transferLeadership(null)
      stayUntilMs = clock.monotonicMs() + stayMs
    }
  },
}
