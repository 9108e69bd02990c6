import type { Duty } from './duty.ts'

/**
 * Puts the servers into the catalog, each with the `consul` service and the check that gossip keeps, so that clients find them
 * like anything else. Registering what stands there already is no change.
 */
export const registerMembers: Duty = {
  name: 'register members',
  async run({ members, propose }) {
    for (const member of members()) await propose('register', member)
  },
}
