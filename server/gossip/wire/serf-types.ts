import type { LamportTime } from './serf-messages.ts'
import { type FieldType, uint } from './struct.ts'

/** The first byte of Serf's messages. Numbers never change. */
export const serfType = {
  leave: 0,
  join: 1,
  state: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const

/** Go counts to 2^64; nobody gets that far, and from here there is room to count on. */
export const lamport: FieldType<LamportTime> = uint(2 ** 52)
