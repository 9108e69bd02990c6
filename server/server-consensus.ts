import type { Consensus } from './endpoints/call.ts'
import type { Propose } from './endpoints/method.ts'
import { encodeCommand, encodeOnce } from './fsm/apply.ts'
import { PraetorError } from './model/errors.ts'
import type { WriteId } from './model/methods.ts'
import type { Raft } from './raft/driver.ts'
import type { CommandOutcome } from './state-machine.ts'

type Consulted = Pick<
  Raft<CommandOutcome>,
  | 'leaseValid'
  | 'readIndex'
  | 'leader'
  | 'isLeader'
  | 'isElected'
  | 'lastContactMs'
  | 'onLeader'
  | 'onLeadership'
>

/** Consensus as the RPC methods see it. */
export function consensusOf(raft: Consulted): Consensus {
  return {
    leaseValid: () => raft.leaseValid(),
    confirm: async () => {
      await raft.readIndex()
    },
    knownLeader: () => raft.leader() !== undefined,
    lastContactMs: () => {
      const ms = raft.lastContactMs()
      return Number.isFinite(ms) ? Math.floor(ms) : 0
    },
    awaitLeader: (signal) => awaitLeader(raft, signal),
  }
}

async function awaitLeader(raft: Consulted, signal: AbortSignal): Promise<boolean> {
  // Elected, this server is no leader yet: it may not have applied all that its predecessors did.
  const isKnown = (): boolean =>
    raft.isLeader() || (raft.leader() !== undefined && !raft.isElected())
  if (isKnown()) return raft.isLeader()
  const known = Promise.withResolvers<void>()
  const look = (): void => {
    if (isKnown()) known.resolve()
  }
  const giveUp = (): void => known.reject(signal.reason as Error)
  const subscriptions = [raft.onLeadership(look), raft.onLeader(look)]
  if (signal.aborted) giveUp()
  else signal.addEventListener('abort', giveUp)
  try {
    await known.promise
    return raft.isLeader()
  } finally {
    signal.removeEventListener('abort', giveUp)
    for (const subscription of subscriptions) subscription[Symbol.dispose]()
  }
}

/** Commands go into the log as bytes; a refusal by the state machine comes back as the error it is. */
export function proposeTo(raft: Raft<CommandOutcome>, id?: WriteId): Propose {
  return async (command, args) => {
    const entry = encodeCommand(command, args)
    const outcome = await raft.propose(id === undefined ? entry : encodeOnce(id, entry))
    if (outcome instanceof PraetorError) throw outcome
    return outcome as never
  }
}
