import type { ReadTable, WriteTable } from '../../server/endpoints/call.ts'
import type {
  ReadEndpoint,
  ReadResult,
  WriteContext,
  WriteEndpoint,
} from '../../server/endpoints/method.ts'
import { endpoints } from '../../server/endpoints/table.ts'
import type { NodeCoordinate } from '../../server/model/coordinate.ts'
import type {
  ReadMethod,
  ReadMethods,
  WriteMethod,
  WriteMethods,
} from '../../server/model/methods.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { VirtualClock } from './clock.ts'
import { Log } from './log.ts'

/** A leader of one, whose log needs no agreement. What a test wants held back or renewed it says and sees here. */
export class Leader {
  readonly log = new Log()
  readonly heldBack = new Set<string>()
  readonly renewed: string[] = []
  readonly located: NodeCoordinate[] = []
  /** The commands that went into the log. */
  readonly proposed: string[] = []
  readonly context: WriteContext = {
    store: this.log.store,
    clock: new VirtualClock(),
    chance: seededChance(1),
    datacenter: 'dc1',
    limits: { sessionTtlMinMs: 10_000 },
    propose: async (name, args) => {
      this.proposed.push(name)
      return this.log.apply(name, args)
    },
    known: () => this.context,
    lockDelays: { isHeldBack: (key) => this.heldBack.has(key) },
    sessionDeadlines: { renew: (id) => void this.renewed.push(id) },
    coordinateUpdates: { add: (update) => void this.located.push(update) },
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
  ): ReadResult<ReadMethods[M]['reply']> {
    const table: ReadTable = endpoints
    const endpoint: ReadEndpoint<M> = table[method]
    return endpoint.run(this.log.store, args, {})
  }

  write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
  ): Promise<WriteMethods[M]['reply']> {
    const table: WriteTable = endpoints
    const endpoint: WriteEndpoint<M> = table[method]
    return endpoint.run(this.context, args)
  }
}
