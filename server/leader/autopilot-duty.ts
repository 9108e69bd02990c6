import { getAutopilotConfig } from '../state/autopilot.ts'
import type { Duty } from './duty.ts'

/** Writes the settings of autopilot if nobody ever did, and looks after the servers by them. */
export const lookAfterServers: Duty = {
  name: 'autopilot',
  async run({ store, propose, autopilot, autopilotDefaults }, signal) {
    if (getAutopilotConfig(store).value.ModifyIndex === 0)
      await propose('autopilot-set', { Config: autopilotDefaults, AtIndex: 0 })
    await autopilot.run(signal)
  },
}
