import { announceLeader } from './announce-leader.ts'
import { lookAfterServers } from './autopilot-duty.ts'
import { writeCoordinates } from './coordinate-writer.ts'
import { yieldForDisk } from './disk-duty.ts'
import type { Duty } from './duty.ts'
import { reconcileMembers } from './reconcile-members.ts'
import { expireSessions } from './session-expiry.ts'
import { reapTombstones } from './tombstone-reaper.ts'

/** What only a leader does: ONE row each. */
export const duties: readonly Duty[] = [
  announceLeader,
  reconcileMembers,
  lookAfterServers,
  expireSessions,
  reapTombstones,
  writeCoordinates,
  yieldForDisk,
]
