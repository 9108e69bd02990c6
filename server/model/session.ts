import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'

export const ServiceCheckRef = Type.Object({ ID: Type.String(), Namespace: Type.String() })

/** A session as the API prints it. `LockDelay` is whole nanoseconds, `TTL` the text the client gave. */
export const Session = Type.Object({
  ID: Type.String(),
  Name: Type.String(),
  Node: Type.String(),
  LockDelay: Type.Integer(),
  Behavior: Type.String(),
  TTL: Type.String(),
  NodeChecks: Type.Union([Type.Array(Type.String()), Type.Null()]),
  ServiceChecks: Type.Union([Type.Array(ServiceCheckRef), Type.Null()]),
  /** What a client gave under the name that the two above replace; kept, and heeded, unless it says what they say. */
  Checks: Type.Optional(Type.Array(Type.String())),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
export type Session = Immutable<Type.Static<typeof Session>>

export const sessionBehaviors = ['release', 'delete'] as const
export const sessionTtlMaxMs = 24 * 3_600_000
export const sessionTtlMinDefaultMs = 10_000
/** A session lives this many TTLs after its last renewal, so that a renewal in flight is never too late. */
export const sessionTtlMultiplier = 2
export const lockDelayDefaultMs = 15_000
export const lockDelayMaxMs = 60_000
