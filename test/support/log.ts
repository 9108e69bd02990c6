import { applyEntry, encodeCommand } from '../../server/fsm/apply.ts'
import type { CommandArgs, CommandName, CommandResult } from '../../server/fsm/commands.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { KvWrite, KvWriteVerb } from '../../server/model/kv.ts'
import type { TxnOp, TxnReply } from '../../server/model/txn.ts'
import type { NewSession } from '../../server/state/sessions.ts'
import { Store } from '../../server/state/store.ts'

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

/** A state that is driven as a log drives it: every command goes through its bytes and gets the next index. */
export class Log {
  readonly store = new Store()
  index = 0

  /** What the command gave; throws the PraetorError with which it refused. */
  apply<C extends CommandName>(name: C, args: CommandArgs<C>): CommandResult<C> {
    this.index += 1
    const result = applyEntry(this.store, this.index, encodeCommand(name, args))
    if (result instanceof PraetorError) throw result
    return result as CommandResult<C>
  }

  /** The same, as endpoints and a leader's duties propose. */
  readonly propose = <C extends CommandName>(
    name: C,
    args: CommandArgs<C>,
  ): Promise<CommandResult<C>> => Promise.try(() => this.apply(name, args))

  kv(Op: KvWriteVerb, Key: string, value = '', more: Partial<KvWrite> = {}): boolean {
    return this.apply('kv', { Op, DirEnt: { Key, Flags: 0, Value: bytes(value), ...more } })
  }

  txn(...Ops: readonly TxnOp[]): TxnReply {
    return this.apply('txn', { Ops })
  }

  node(name: string): void {
    this.txn({
      Node: {
        Verb: 'set',
        Node: {
          ID: '',
          Node: name,
          Address: '10.0.0.1',
          Datacenter: 'dc1',
          TaggedAddresses: null,
          Meta: null,
          CreateIndex: 0,
          ModifyIndex: 0,
        },
      },
    })
  }

  check(node: string, checkId: string, status = 'passing'): void {
    this.txn({
      Check: {
        Verb: 'set',
        Check: { ...plainCheck, Node: node, CheckID: checkId, Status: status },
      },
    })
  }

  session(id: string, more: Partial<NewSession> = {}): string {
    return this.apply('session-create', { ...plainSession, ID: id, ...more })
  }
}

export const plainCheck = {
  Node: 'n1',
  CheckID: 'c1',
  Name: 'c1',
  Status: 'passing',
  Notes: '',
  Output: '',
  ServiceID: '',
  ServiceName: '',
  ServiceTags: null,
  Type: '',
  Definition: {},
  CreateIndex: 0,
  ModifyIndex: 0,
}

const plainSession: NewSession = {
  ID: '',
  Name: '',
  Node: 'n1',
  LockDelay: 15_000_000_000,
  Behavior: 'release',
  TTL: '',
  NodeChecks: [],
  ServiceChecks: null,
}

/** The nth session id of a test. */
export function sessionId(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
}
