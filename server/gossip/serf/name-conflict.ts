import { Refused } from '../wire/refusal.ts'
import { decodeSerfMessage } from '../wire/serf-codec.ts'
import { internalQueries } from '../wire/serf-messages.ts'
import { ask } from './asked-queries.ts'
import { tell } from './state.ts'
import type { SerfState } from './state.ts'

/**
 * Somebody else has our name: the others say whom of us they know by it, and who is not known to a majority of them has to go.
 * (Serf's goes even where nobody has a say, and then both do.)
 */
export function settleNameConflict(state: SerfState): void {
  if (state.isSettlingName) return
  const { name, address } = state.members.own
  let answers = 0
  let ours = 0
  const question = {
    name: internalQueries.conflict,
    payload: Buffer.from(name),
    filters: [],
    wantsAck: false,
    relayFactor: 0,
    timeoutMs: null,
  }
  state.isSettlingName = true
  ask(state, question, {
    onAnswer(_from, payload) {
      const known = addressIn(payload)
      if (known === undefined) return false
      answers += 1
      if (known?.host === address.host && known.port === address.port) ours += 1
      return false
    },
    onDone() {
      state.isSettlingName = false
      if (answers > 0 && ours * 2 <= answers) tell(state, { kind: 'nameLost', answers, ours })
    },
  })
}

/** Null where the name is not known there; undefined for what is no answer at all. */
function addressIn(
  payload: Uint8Array,
): { readonly host: string; readonly port: number } | null | undefined {
  try {
    const message = decodeSerfMessage(payload)
    return message.kind === 'conflictResponse' ? (message.member?.address ?? null) : undefined
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
