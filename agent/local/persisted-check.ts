import type { CheckStatus, HealthCheck } from '../../server/model/check.ts'
import { emptyCheckDefinition } from '../../server/model/definition.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { nanosecondsPerMs } from '../../server/model/duration.ts'
import type { Service } from '../../server/model/service.ts'
import type { CheckRow, ServiceRow } from './definitions.ts'

/** A check as Consul keeps it in a file, so that either program takes up what the other left. */
export interface PersistedCheck {
  readonly Check: CheckRow
  readonly ChkType: PersistedDefinition
  readonly Token: string
  readonly Source: string
}

type Durations = 'Interval' | 'Timeout' | 'TTL' | 'DeregisterCriticalServiceAfter'

/** Its definition: Go's structs have durations in nanoseconds, and nil where nothing is. What a Consul doesn't know it passes over. */
export type PersistedDefinition = {
  readonly [Name in Exclude<keyof CheckDefinition, `${Durations}Ms`>]?: CheckDefinition[Name] | null
} & { readonly [Name in Durations]?: number }

/** A TTL check's last word, so that a quick restart doesn't turn it critical. `Expires` is in seconds since 1970. */
export interface PersistedCheckState {
  readonly CheckID: string
  readonly Output: string
  readonly Status: CheckStatus
  readonly Expires: number
}

export function keptDefinition(definition: CheckDefinition): PersistedDefinition {
  const { IntervalMs, TimeoutMs, TTLMs, DeregisterCriticalServiceAfterMs, ...rest } = definition
  return {
    ...rest,
    Interval: IntervalMs * nanosecondsPerMs,
    Timeout: TimeoutMs * nanosecondsPerMs,
    TTL: TTLMs * nanosecondsPerMs,
    DeregisterCriticalServiceAfter: DeregisterCriticalServiceAfterMs * nanosecondsPerMs,
  }
}

/** What the file lacks, as an older one lacks what kinds of checks that came later ask for, is as it is when nobody says. */
export function definitionOf(kept: PersistedDefinition): CheckDefinition {
  const { Interval = 0, Timeout = 0, TTL = 0, DeregisterCriticalServiceAfter = 0, ...rest } = kept
  const given = Object.entries(rest).filter(
    ([name, value]) => value !== null && Object.hasOwn(emptyCheckDefinition, name),
  )
  return {
    ...emptyCheckDefinition,
    ...(Object.fromEntries(given) as Partial<CheckDefinition>),
    IntervalMs: Interval / nanosecondsPerMs,
    TimeoutMs: Timeout / nanosecondsPerMs,
    TTLMs: TTL / nanosecondsPerMs,
    DeregisterCriticalServiceAfterMs: DeregisterCriticalServiceAfter / nanosecondsPerMs,
  }
}

/** A row as an agent has it: a Consul writes down indexes too, which are the catalog's. */
export function ownRow<Row extends CheckRow | ServiceRow>(kept: Row): Row {
  const {
    CreateIndex: _created,
    ModifyIndex: _modified,
    ...row
  } = kept as Row & Partial<HealthCheck & Service>
  return row as unknown as Row
}
