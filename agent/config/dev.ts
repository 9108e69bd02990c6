import { noSettings } from './settings.ts'
import type { Settings } from './settings.ts'

/** What `-dev` says before anybody else: one server on this host, all of it visible, nothing kept. */
export const devSettings: Settings = {
  ...noSettings,
  values: new Map<string, unknown>([
    ['bind_addr', '127.0.0.1'],
    ...['gossip_lan', 'gossip_wan'].flatMap((pool): [string, unknown][] => [
      [`${pool}.gossip_interval`, '100ms'],
      [`${pool}.probe_interval`, '100ms'],
      [`${pool}.probe_timeout`, '100ms'],
      [`${pool}.suspicion_mult`, 3],
    ]),
    ['enable_debug', true],
    ['log_level', 'DEBUG'],
    ['performance.raft_multiplier', 1],
    ['server', true],
    ['ui', true],
  ]),
}
