import { PraetorError } from '../../model/errors.ts'
import { Refused } from '../wire/refusal.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../wire/serf-codec.ts'
import { internalQueries } from '../wire/serf-messages.ts'
import type { KeyResponse, Query, SerfMessage } from '../wire/serf-messages.ts'
import { answer, fits } from './answers.ts'
import type { KeyOutcome, KeyTask, KeyVerb } from './events.ts'
import { asKnown } from './members.ts'
import { nextNumber } from './state.ts'
import type { OpenQuery, SerfState } from './state.ts'

const internalPrefix = '_serf_'

const keyVerbs: ReadonlyMap<string, KeyVerb> = new Map([
  [internalQueries.installKey, 'install'],
  [internalQueries.useKey, 'use'],
  [internalQueries.removeKey, 'remove'],
  [internalQueries.listKeys, 'list'],
])

/** Whether every member answers this by itself. */
export function isInternal({ name }: Query): boolean {
  return name.startsWith(internalPrefix)
}

/** A ping is answered by its ack, and what is not known is not answered. */
export function answerInternally(state: SerfState, open: OpenQuery): void {
  const { name, payload } = open.query
  const verb = keyVerbs.get(name)
  if (verb !== undefined) beginKeyTask(state, open, verb)
  else if (name === internalQueries.conflict)
    answerConflict(state, open, Buffer.from(payload).toString())
}

/** Whom we know by that name. Of our own we say nothing: it is disputed. */
function answerConflict(state: SerfState, open: OpenQuery, name: string): void {
  const { members } = state
  if (name === members.own.name) return
  const known = members.get(name)
  const member = known === undefined ? undefined : asKnown(known)
  respondWith(state, open, { kind: 'conflictResponse', member })
}

function beginKeyTask(state: SerfState, open: OpenQuery, verb: KeyVerb): void {
  if (state.keyTasks.size >= state.config.openQueriesMax) return
  const key = verb === 'list' ? new Uint8Array() : keyIn(open.query)
  if (key === undefined) return respondWith(state, open, failure(''))
  const task = nextNumber(state)
  state.keyTasks.set(task, open)
  state.effects.push({ kind: 'key', task, verb, key })
}

function keyIn({ payload }: Query): Uint8Array | undefined {
  try {
    const message = decodeSerfMessage(payload)
    return message.kind === 'keyRequest' ? message.key : undefined
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

/** Our keyring did what was asked, or not: that is the answer. */
export function endKeyTask(state: SerfState, task: KeyTask, outcome: KeyOutcome): void {
  const open = state.keyTasks.get(task)
  state.keyTasks.delete(task)
  if (open === undefined || state.nowMs >= open.deadlineMs) return
  respondWith(state, open, keyResponse(state, open, outcome))
}

function keyResponse(state: SerfState, open: OpenQuery, outcome: KeyOutcome): KeyResponse {
  switch (outcome.kind) {
    case 'done':
      return { ...failure(''), done: true }
    case 'listed':
      return listing(state, open, outcome.keys.map(base64), base64(outcome.primary))
    case 'failed':
      return failure(outcome.message)
    default:
      return failure(
        open.query.name === internalQueries.listKeys
          ? 'Keyring is empty (encryption not enabled)'
          : 'No keyring to modify (encryption not enabled)',
      )
  }
}

/** As many of the keys as an answer has room for. */
function listing(
  state: SerfState,
  open: OpenQuery,
  keys: readonly string[],
  primaryKey: string,
): KeyResponse {
  const whole: KeyResponse = { kind: 'keyResponse', done: true, message: '', keys, primaryKey }
  if (fits(state, open, encodeSerfMessage(whole))) return whole
  for (let size = keys.length - 1; size > 0; size -= 1) {
    const message = `truncated key list response, showing first ${size} of ${keys.length} keys`
    const shorter = { ...whole, message, keys: keys.slice(0, size) }
    if (fits(state, open, encodeSerfMessage(shorter))) return shorter
  }
  return failure('the keys have no room in an answer')
}

function failure(message: string): KeyResponse {
  return { kind: 'keyResponse', done: false, message, keys: [], primaryKey: '' }
}

/** Nobody is there to be told that an answer is too long: whoever asked goes without. */
function respondWith(state: SerfState, open: OpenQuery, message: SerfMessage): void {
  try {
    answer(state, open, encodeSerfMessage(message))
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
