import type { AutopilotConfig, AutopilotConfigRow } from '../../model/autopilot.ts'
import { nanosecondsPerMs } from '../../model/duration.ts'
import { fieldsOf, flag, integer, struct, text } from '../shape.ts'
import type { Fields, Shape } from '../shape.ts'
import type { FieldsShape, ReplyShape } from './method.ts'

/** Autopilot's settings: durations are whole nanoseconds on the wire. */
const duration: Shape<number> = {
  toWire: (ms) => Math.round(ms * nanosecondsPerMs),
  fromWire: (wire) => integer.fromWire(wire) / nanosecondsPerMs,
}

const spelled = {
  LastContactThresholdMs: 'LastContactThreshold',
  ServerStabilizationTimeMs: 'ServerStabilizationTime',
} as const

const settings = {
  CleanupDeadServers: flag,
  LastContactThresholdMs: duration,
  MaxTrailingLogs: integer,
  MinQuorum: integer,
  ServerStabilizationTimeMs: duration,
  RedundancyZoneTag: text,
  DisableUpgradeMigration: flag,
  UpgradeVersionTag: text,
} as const
const config: Shape<AutopilotConfig> = struct<AutopilotConfig>(settings, spelled)
const row: Shape<AutopilotConfigRow> = struct<AutopilotConfigRow>(
  { ...settings, CreateIndex: integer, ModifyIndex: integer },
  spelled,
)

/** The settings are the reply, and not a field of it. */
export const autopilotConfig: ReplyShape<unknown, AutopilotConfigRow> = {
  toWire: (value) => row.toWire(value),
  fromWire: (wire) => row.fromWire(wire),
}

/** The index to compare with is the settings' own, and counts where `CAS` says so. */
export const autopilotSet: FieldsShape<{ Config: AutopilotConfig; AtIndex?: number }> = {
  toWire: ({ Config, AtIndex }) => ({
    Config: { ...(config.toWire(Config) as Fields), ModifyIndex: AtIndex ?? 0 },
    CAS: AtIndex !== undefined,
  }),
  fromWire(wire) {
    const given = fieldsOf(wire['Config'])
    const Config = config.fromWire(given)
    return flag.fromWire(wire['CAS'])
      ? { Config, AtIndex: integer.fromWire(given['ModifyIndex']) }
      : { Config }
  },
}
