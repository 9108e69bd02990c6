import { Refused } from '../wire/refusal.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../wire/serf-codec.ts'
import { internalQueries } from '../wire/serf-messages.ts'
import type { KeyResponse } from '../wire/serf-messages.ts'
import { ask } from './asked-queries.ts'
import type { KeyringTally, KeyVerb, SerfCommand } from './events.ts'
import { tell } from './state.ts'
import type { SerfState } from './state.ts'

const queryOf: Readonly<Record<KeyVerb, string>> = {
  install: internalQueries.installKey,
  use: internalQueries.useKey,
  remove: internalQueries.removeKey,
  list: internalQueries.listKeys,
}

/**
 * Has every member do something with its keyring. It is over when all have answered, or when time is up. Whoever did not answer
 * did not do it, as far as one can know: to take a key into use that not all have would cut them off.
 */
export function operateKeyring(
  state: SerfState,
  { ticket, verb, key, relayFactor }: Extract<SerfCommand, { kind: 'keyring' }>,
): void {
  const nodes = state.members.present()
  const messages = new Map<string, string>()
  const keys = new Map<string, number>()
  const primaryKeys = new Map<string, number>()
  let answers = 0
  let errors = 0
  const question = {
    name: queryOf[verb],
    payload: encodeSerfMessage({ kind: 'keyRequest', key }),
    filters: [],
    wantsAck: false,
    relayFactor,
    timeoutMs: null,
  }
  ask(state, question, {
    onAnswer(from, payload) {
      answers += 1
      const response = responseIn(payload)
      if (!response.done) errors += 1
      if (!response.done || response.message !== '') messages.set(from, response.message)
      for (const each of response.keys) add(keys, each)
      if (response.primaryKey !== '') add(primaryKeys, response.primaryKey)
      return answers === nodes
    },
    onDone() {
      const error = errorOf({ nodes, answers, errors })
      const tally = { messages, keys, primaryKeys, nodes, answers, errors, error }
      tell(state, { kind: 'keyringDone', ticket, tally })
    },
  })
}

function errorOf({
  nodes,
  answers,
  errors,
}: Pick<KeyringTally, 'nodes' | 'answers' | 'errors'>): string | null {
  if (errors > 0) return `${errors}/${nodes} nodes reported failure`
  return answers === nodes ? null : `${answers}/${nodes} nodes reported success`
}

type KeyAnswer = Omit<KeyResponse, 'kind'>

/** What a member answers; what is no answer is a failure of that member. */
function responseIn(payload: Uint8Array): KeyAnswer {
  const bytes = `[${payload.join(' ')}]`
  try {
    const message = decodeSerfMessage(payload)
    return message.kind === 'keyResponse'
      ? message
      : invalid(`Invalid key query response type: ${bytes}`)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return invalid(`Failed to decode key query response: ${bytes}`)
  }
}

function invalid(message: string): KeyAnswer {
  return { done: false, message, keys: [], primaryKey: '' }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
