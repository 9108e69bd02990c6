import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'

/** A member of the gossip pool as `/v1/agent/members` prints it. Status: 1 alive, 2 leaving, 3 left, 4 failed. */
export const Member = Type.Object({
  Name: Type.String(),
  Addr: Type.String(),
  Port: Type.Integer(),
  Tags: Type.Record(Type.String(), Type.String()),
  Status: Type.Integer(),
  ProtocolMin: Type.Integer(),
  ProtocolMax: Type.Integer(),
  ProtocolCur: Type.Integer(),
  DelegateMin: Type.Integer(),
  DelegateMax: Type.Integer(),
  DelegateCur: Type.Integer(),
  /** φ: the evidence that it is gone, as −log10 of the chance that it would look like this were it alive. Ours alone. */
  SuspicionLevel: Type.Optional(Type.Number()),
})
export type Member = Immutable<Type.Static<typeof Member>>

export const memberStatus = { none: 0, alive: 1, leaving: 2, left: 3, failed: 4 } as const
