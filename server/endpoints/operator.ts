import { getAutopilotConfig } from '../state/autopilot.ts'
import type { EndpointTable } from './call.ts'

export const operatorEndpoints = {
  'Operator.AutopilotGetConfiguration': {
    kind: 'read',
    run: (store, _args, _query, watch) => getAutopilotConfig(store, watch),
  },

  'Operator.AutopilotSetConfiguration': {
    kind: 'write',
    run: ({ propose }, { Config, AtIndex }) =>
      propose('autopilot-set', { Config, ...(AtIndex === undefined ? {} : { AtIndex }) }),
  },
} satisfies Pick<
  EndpointTable,
  'Operator.AutopilotGetConfiguration' | 'Operator.AutopilotSetConfiguration'
>
