import type { Address, StreamMessage } from '../wire/messages.ts'
import type { CallFailure, CallId } from './events.ts'
import type { PendingCall, SwimState } from './state.ts'

/** Streams that we want opened, by their numbers, and who waits for what comes of them. */

export function call(
  swim: SwimState,
  to: Address,
  message: StreamMessage,
  timeoutMs: number,
  pending: PendingCall,
): void {
  swim.lastCall += 1
  swim.calls.set(swim.lastCall, pending)
  swim.effects.push({ kind: 'call', call: swim.lastCall, to, message, timeoutMs })
}

export function onCallAnswered(swim: SwimState, id: CallId, message: StreamMessage): void {
  take(swim, id)?.onAnswer(message)
}

export function onCallFailed(swim: SwimState, id: CallId, reason: CallFailure): void {
  take(swim, id)?.onFailure(reason)
}

function take(swim: SwimState, id: CallId): PendingCall | undefined {
  const pending = swim.calls.get(id)
  swim.calls.delete(id)
  return pending
}
