import type { WireState } from '../wire/messages.ts'

/** What somebody says of a member: in this of its lives as a suspect of being dead, it is so. */
export interface Claim {
  readonly incarnation: number
  readonly state: WireState
}

/**
 * Whether the claim is news to who knows the other (SWIM §4.2). A total order: the higher incarnation, then the graver state.
 * So what a member ends up believing does not depend on the order in which it heard, or on how often.
 *
 * memberlist is the same but for two orders of arrival, both rare: it ignores a suspicion of a later incarnation than the one it
 * has buried, and a leave that comes after the same incarnation was called dead.
 */
export function outranks(claim: Claim, known: Claim): boolean {
  if (claim.incarnation !== known.incarnation) return claim.incarnation > known.incarnation
  return gravity[claim.state] > gravity[known.state]
}

const gravity: Readonly<Record<WireState, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 }

/**
 * Only the member itself raises its incarnation, by one for each accusation it refutes. Whoever names one far beyond the known
 * did not hear it from there: it could not be refuted much longer, and is not believed.
 */
export function isPlausible(incarnation: number, known: number): boolean {
  return incarnation <= incarnationMax && incarnation - known <= incarnationLeapMax
}

export const incarnationMax = 2 ** 31
const incarnationLeapMax = 2 ** 16
