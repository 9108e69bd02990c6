import type { Bounds } from './bounds.ts'

const small = { servers: 3, termMax: 3, entriesMax: 2, preVotes: 'granted' } as const

/** What is explored when nothing else is asked for: some minutes. Each can be visited whole; the next larger ones can not, in that time. */
export const usualBounds: readonly Bounds[] = [
  // A disk is quick but for once, and a crash may come in between.
  { ...small, crashes: 2, delays: 1 },
  // Disks are as slow as they like.
  { ...small, termMax: 2, crashes: 2 },
  { ...small, entriesMax: 1, crashes: 1 },
  // More is proposed.
  { ...small, entriesMax: 3, delays: 0 },
  // An election more.
  { ...small, termMax: 4, entriesMax: 1, delays: 0 },
  // Pre-votes that go their way like any message.
  { ...small, entriesMax: 1, preVotes: 'asked', crashes: 1, delays: 0 },
  // Reads by rounds.
  { ...small, entriesMax: 2, reads: 1, delays: 0 },
  // Leaders that step down, and that hand over.
  { ...small, entriesMax: 1, resignations: 1, transfers: 1, crashes: 1, delays: 0 },
  // Members that go and come, one by one.
  { ...small, entriesMax: 1, changes: 2, delays: 0 },
]
