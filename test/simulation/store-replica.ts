import { encodeCommand } from '../../server/fsm/apply.ts'
import { digestOf } from '../../server/fsm/snapshot.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { StateMachine } from '../../server/raft/state-machine.ts'
import { stateMachineOf, type CommandOutcome } from '../../server/state-machine.ts'
import { getKey } from '../../server/state/kv.ts'
import { Store } from '../../server/state/store.ts'
import type { Command, Replica, Row } from './command.ts'
import { hashText } from './draw.ts'

/** The server's own state, as the clients of a simulation see it. */
export class StoreReplica implements Replica {
  readonly machine: StateMachine<CommandOutcome>
  readonly #store = new Store()
  readonly #index: () => number

  constructor(index: () => number) {
    this.#index = index
    this.machine = stateMachineOf(this.#store)
  }

  get index(): number {
    return this.#index()
  }

  row(key: string): Row | null {
    const entry = getKey(this.#store, key).value
    if (entry === undefined) return null
    return {
      value: Buffer.from(entry.Value).toString(),
      index: entry.ModifyIndex,
      holder: entry.Session === undefined ? null : markOf(entry.Session),
      lockIndex: entry.LockIndex,
    }
  }

  digest(): number {
    return hashText(digestOf(this.#store))
  }
}

export function encodeForStore(command: Command): Uint8Array {
  switch (command.verb) {
    case 'node':
      return encodeCommand('txn', { Ops: [{ Node: { Verb: 'set', Node: node(command.mark) } }] })
    case 'session':
      return encodeCommand('session-create', { ...plainSession, ID: sessionId(command.mark) })
    case 'destroy': {
      const asked = { ID: sessionId(command.session), Mark: command.mark }
      return encodeCommand('session-destroy', asked)
    }
    default: {
      const { key: Key, mark, verb } = command
      const written = { Key, Flags: 0, Value: new Uint8Array(Buffer.from(mark)) }
      if (verb === 'put') return encodeCommand('kv', { Op: 'set', DirEnt: written })
      if (verb === 'cas')
        return encodeCommand('kv', {
          Op: 'cas',
          DirEnt: { ...written, ModifyIndex: command.index },
        })
      const Op = verb === 'acquire' ? 'lock' : 'unlock'
      return encodeCommand('kv', {
        Op,
        DirEnt: { ...written, Session: sessionId(command.session) },
      })
    }
  }
}

/** Whether the command did what it was to do. */
export function isDone(outcome: CommandOutcome): boolean {
  return outcome !== false && !(outcome instanceof PraetorError)
}

/** The name of a session in the store, made of the mark that it was asked for with. */
function sessionId(mark: string): string {
  return `${sessionPrefix}${mark.slice(1).padStart(12, '0')}`
}

function markOf(session: string): string {
  return `m${Number(session.slice(sessionPrefix.length))}`
}

const sessionPrefix = '00000000-0000-4000-8000-'

const nodeName = 'n1'

const node = (mark: string) => ({
  ID: '',
  Node: nodeName,
  Address: '127.0.0.1',
  Datacenter: 'dc1',
  TaggedAddresses: null,
  Meta: { mark },
  CreateIndex: 0,
  ModifyIndex: 0,
})

const plainSession = {
  Name: '',
  Node: nodeName,
  LockDelay: 0,
  Behavior: 'release',
  TTL: '',
  NodeChecks: [],
  ServiceChecks: null,
} as const
