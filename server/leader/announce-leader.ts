import type { Duty } from './duty.ts'

/** Under what name Consul's agents hear of it. */
const eventName = 'consul:new-leader'

/** Tells everybody in the pool who leads now: agents that failed to reach a leader try again at once. */
export const announceLeader: Duty = {
  name: 'announcement',
  async run({ nodeName, pool }) {
    pool.fire({ name: eventName, payload: Buffer.from(nodeName) })
  },
}
