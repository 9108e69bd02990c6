import type { AutopilotConfig } from '../model/autopilot.ts'
import { setAutopilotConfig } from '../state/autopilot.ts'
import type { Command } from './command.ts'

export interface AutopilotSet {
  readonly Config: AutopilotConfig
  /** The ModifyIndex that the settings must have; absent: any. */
  readonly AtIndex?: number
}

export const autopilotCommands = {
  'autopilot-set': {
    number: 8,
    apply: (store, tx, { Config, AtIndex }) => setAutopilotConfig(store, tx, Config, AtIndex),
  } satisfies Command<AutopilotSet, boolean>,
}
