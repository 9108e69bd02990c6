import { defaultAutopilotConfig } from '../model/autopilot.ts'
import type { AutopilotConfig, AutopilotConfigRow } from '../model/autopilot.ts'
import { autopilotKey } from './schema.ts'
import type { Indexed, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/** The one row of autopilot's settings; the defaults, at no index, until a leader has written it. */
export function getAutopilotConfig(store: Store, watch?: WatchSet): Indexed<AutopilotConfigRow> {
  const value = store.autopilot.get(autopilotKey, watch) ?? {
    ...defaultAutopilotConfig,
    CreateIndex: 0,
    ModifyIndex: 0,
  }
  return { index: value.ModifyIndex, value }
}

/** Replaces the settings. With an index, only if theirs is that one; 0 is that of settings never written. False: it was another. */
export function setAutopilotConfig(
  store: Store,
  tx: Transaction,
  config: AutopilotConfig,
  atIndex?: number,
): boolean {
  const { value } = getAutopilotConfig(store)
  if (atIndex !== undefined && atIndex !== value.ModifyIndex) return false
  const CreateIndex = value.CreateIndex === 0 ? tx.index : value.CreateIndex
  tx.put(store.autopilot, { ...config, CreateIndex, ModifyIndex: tx.index })
  tx.bump('autopilot-config')
  return true
}
