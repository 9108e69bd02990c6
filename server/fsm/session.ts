import { createSession, invalidateSession } from '../state/sessions.ts'
import type { NewSession } from '../state/sessions.ts'
import type { Store } from '../state/store.ts'
import type { Transaction } from '../state/transaction.ts'
import type { Command } from './command.ts'

export const sessionCommands = {
  'session-create': {
    number: 3,
    apply: createSession,
  } satisfies Command<NewSession, string>,
  /** A client's wish, or the leader's when the session's time is up. */
  'session-destroy': {
    number: 4,
    apply: destroySession,
  } satisfies Command<{ readonly ID: string }, string>,
}

function destroySession(store: Store, tx: Transaction, { ID }: { readonly ID: string }): string {
  invalidateSession(store, tx, ID)
  return ID
}
