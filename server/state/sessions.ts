import { nanosecondsPerMs } from '../model/duration.ts'
import { PraetorError } from '../model/errors.ts'
import { checkSessionId } from '../model/session-id.ts'
import { lockDelayMaxMs } from '../model/session.ts'
import type { Session } from '../model/session.ts'
import { freeLocksOf } from './locks.ts'
import { checkOnNode, checksOfSession, nodeKey } from './schema.ts'
import type { Indexed, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/**
 * A session is the life of a client on a node: it ends when it is destroyed, when its time is up, or when its node or a check it
 * names goes or fails; and with it end the locks it held.
 */

/** Throws for what can't be an id, as Consul does; an id that nobody has is an empty list. */
export function getSession(store: Store, id: string, watch?: WatchSet): Indexed<Session[]> {
  const session = findSession(store, id, watch)
  return { index: sessionsIndex(store), value: session === undefined ? [] : [session] }
}

export function listSessions(store: Store, watch?: WatchSet): Indexed<Session[]> {
  return { index: sessionsIndex(store), value: [...store.sessions.all(watch)] }
}

export function listNodeSessions(store: Store, node: string, watch?: WatchSet): Indexed<Session[]> {
  return { index: sessionsIndex(store), value: sessionsOfNode(store, node, watch) }
}

/** What a new session is made of: all that the leader decided, so that every server makes the same. */
export type NewSession = Omit<Session, 'CreateIndex' | 'ModifyIndex'>

/** The session's id. Throws in Consul's words where node or checks don't bear a session. */
export function createSession(store: Store, tx: Transaction, given: NewSession): string {
  if (store.nodes.get(nodeKey(given.Node)) === undefined)
    throw new PraetorError('failed', 'Missing node registration')
  for (const checkId of checksOfSession(given)) {
    const check = store.checks.get(checkOnNode(given.Node, checkId))
    if (check === undefined)
      throw new PraetorError('failed', `Missing check '${checkId}' registration`)
    if (check.Status === 'critical')
      throw new PraetorError('failed', `Check '${checkId}' is in ${check.Status} state`)
  }
  tx.put(store.sessions, { ...given, CreateIndex: tx.index, ModifyIndex: tx.index })
  tx.bump('sessions')
  return given.ID
}

/**
 * Ends a session, if there is one: its locks are released or their keys deleted, as its behavior says, and listeners to the store
 * learn which keys its lock delay now holds back.
 */
export function invalidateSession(store: Store, tx: Transaction, id: string): void {
  const session = store.sessions.get(id.toLowerCase())
  if (session === undefined) return
  tx.delete(store.sessions, id.toLowerCase())
  tx.bump('sessions')
  const keys = freeLocksOf(store, tx, session)
  const delayMs = Math.min(session.LockDelay / nanosecondsPerMs, lockDelayMaxMs)
  if (keys.length > 0 && delayMs > 0) tx.releaseLocks({ keys, delayMs })
}

/** Ends every session that lives by this check: call it when the check turns critical or goes. */
export function invalidateSessionsOfCheck(
  store: Store,
  tx: Transaction,
  node: string,
  checkId: string,
): void {
  for (const { ID } of sessionsOfCheck(store, node, checkId)) invalidateSession(store, tx, ID)
}

/** Ends every session on this node: call it when the node goes. */
export function invalidateSessionsOfNode(store: Store, tx: Transaction, node: string): void {
  for (const { ID } of sessionsOfNode(store, node)) invalidateSession(store, tx, ID)
}

export function sessionsOfCheck(store: Store, node: string, checkId: string): Session[] {
  return [...store.sessions.by('check', checkOnNode(node, checkId))]
}

export function sessionsOfNode(store: Store, node: string, watch?: WatchSet): Session[] {
  return [...store.sessions.by('node', nodeKey(node), watch)]
}

/** The id, if there is a session that may hold locks under it; throws in Consul's words if not. */
export function lockingSession(store: Store, id: string | undefined): string {
  const given = givenSession(id)
  if (findSession(store, given) === undefined)
    throw new PraetorError('failed', `invalid session ${JSON.stringify(given)}`)
  return given
}

/** The id; throws in Consul's words if none was given. */
export function givenSession(id: string | undefined): string {
  if (id === undefined || id === '') throw new PraetorError('failed', 'missing session')
  return id
}

function findSession(store: Store, id: string, watch?: WatchSet): Session | undefined {
  checkSessionId(id)
  return store.sessions.get(id.toLowerCase(), watch)
}

function sessionsIndex(store: Store): number {
  return store.maxIndex(['sessions'])
}
