import type { Consensus } from './endpoints/call.ts'
import type { Propose } from './endpoints/method.ts'
import { encodeCommand, encodeOnce } from './fsm/apply.ts'
import { PraetorError } from './model/errors.ts'
import type { WriteId } from './model/methods.ts'
import type { Raft } from './raft/driver.ts'
import type { CommandOutcome } from './state-machine.ts'

/** Consensus as the RPC methods see it. */
export function consensusOf(raft: Raft<CommandOutcome>): Consensus {
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
    awaitLeader: (signal) =>
      new Promise((resolve, reject) => {
        if (raft.isLeader()) return resolve()
        const stop = (): void => {
          subscription[Symbol.dispose]()
          reject(signal.reason as Error)
        }
        const subscription = raft.onLeadership((leading) => {
          if (!leading) return
          signal.removeEventListener('abort', stop)
          subscription[Symbol.dispose]()
          resolve()
        })
        if (signal.aborted) stop()
        else signal.addEventListener('abort', stop, { once: true })
      }),
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
