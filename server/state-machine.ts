import { applyEntry } from './fsm/apply.ts'
import { restoreStore, snapshotStore } from './fsm/snapshot.ts'
import type { PraetorError } from './model/errors.ts'
import type { StateMachine } from './raft/state-machine.ts'
import type { Store } from './state/store.ts'

/** What a command gave: its result, or the PraetorError with which it refused. */
export type CommandOutcome = ReturnType<typeof applyEntry> | PraetorError | undefined

/** The store as consensus drives it. */
export function stateMachineOf(store: Store): StateMachine<CommandOutcome> {
  return {
    apply: (entries) =>
      entries.map(({ kind, index, payload }) =>
        kind === 'command' ? applyEntry(store, index, payload) : undefined,
      ),
    snapshot: () => snapshotStore(store),
    restore: (chunks) => restoreStore(store, chunks, nextTurn),
  }
}

/** Lets everybody else have a turn of the loop: a state is restored in slices. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
