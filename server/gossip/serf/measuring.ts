import { roundTripSeconds } from '../../model/coordinate.ts'
import { decodeAckPayload, encodeAckPayload } from '../wire/ack-payload.ts'
import { Refused } from '../wire/refusal.ts'
import { count, sample, swim } from './state.ts'
import type { SerfState } from './state.ts'

/** Our ping was answered: how far that member is, and where it says that it stands, move us. */
export function onAcked(state: SerfState, node: string, rttMs: number, payload: Uint8Array): void {
  if (payload.length === 0 || state.members.get(node) === undefined) return
  const other = coordinateIn(payload)
  if (other === undefined) return count(state, 'serf.coordinate.rejected')
  if (rttMs === 0) count(state, 'serf.coordinate.zero-rtt')
  const before = state.vivaldi.coordinate
  const outcome = state.vivaldi.measure(node, other, rttMs / 1000)
  if (outcome === 'refused') return count(state, 'serf.coordinate.rejected')
  if (outcome === 'reset') state.coordinateResets += 1
  state.coordinates.set(node, other)
  const after = state.vivaldi.coordinate
  sample(state, 'serf.coordinate.adjustment-ms', Math.abs(roundTripSeconds(before, after)) * 1000)
  shareCoordinate(state)
}

/** What our acks say from now on. */
export function shareCoordinate(state: SerfState): void {
  swim(state, { kind: 'setAckPayload', payload: encodeAckPayload(state.vivaldi.coordinate) })
}

function coordinateIn(payload: Uint8Array) {
  try {
    return decodeAckPayload(payload)
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
