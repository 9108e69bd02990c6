import { sleep } from '../runtime/clock.ts'
import type { Duty } from './duty.ts'

/** Writes, once a period, where nodes said that they stand. */
export const writeCoordinates: Duty = {
  name: 'write coordinates',
  async run({ coordinates, propose, clock, log }, signal) {
    // What an earlier term left unwritten has long been told to another leader.
    coordinates.take()
    for (;;) {
      await sleep(clock, coordinates.periodMs, signal)
      const { batches, dropped } = coordinates.take()
      if (dropped > 0) log.warn({ number_discarded: dropped }, 'Discarded coordinate updates')
      for (const Updates of batches) {
        signal.throwIfAborted()
        await propose('coordinates-update', { Updates })
      }
    }
  },
}
