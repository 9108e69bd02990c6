import { applyEntry, encodeCommand } from '../../server/fsm/apply.ts'
import type { CommandArgs, CommandName, CommandResult } from '../../server/fsm/commands.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { Store } from '../../server/state/store.ts'

/** A store whose log is just this: every command at the next index. */
export class LoggedStore {
  readonly store = new Store()
  #index = 0

  get index(): number {
    return this.#index
  }

  /** Applies a command; throws the PraetorError with which it refused. */
  apply<C extends CommandName>(command: C, args: CommandArgs<C>): CommandResult<C> {
    this.#index += 1
    const outcome = applyEntry(this.store, this.#index, encodeCommand(command, args))
    if (outcome instanceof PraetorError) throw outcome
    return outcome as CommandResult<C>
  }

  /** What leaders and endpoints propose to. */
  readonly propose = <C extends CommandName>(
    command: C,
    args: CommandArgs<C>,
  ): Promise<CommandResult<C>> =>
    new Promise((resolve) => {
      resolve(this.apply(command, args))
    })

  node(Node: string): void {
    this.apply('register', {
      ID: '',
      Node,
      Address: '127.0.0.1',
      TaggedAddresses: null,
      NodeMeta: null,
      SkipNodeUpdate: false,
    })
  }
}
