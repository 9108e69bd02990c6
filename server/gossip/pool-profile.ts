import { consulLan, consulWan } from './serf/config.ts'
import type { SerfConfig } from './serf/config.ts'
import { lanConfig, wanConfig } from './swim/config.ts'
import type { SwimConfig } from './swim/config.ts'

/** How a pool takes its time. */
export interface PoolProfile {
  readonly swim: SwimConfig
  readonly serf: SerfConfig
}

/** Of all agents of a data centre. */
export const lanProfile: PoolProfile = { swim: lanConfig, serf: consulLan }

/** Of the servers of all data centres. */
export const wanProfile: PoolProfile = { swim: wanConfig, serf: consulWan }
