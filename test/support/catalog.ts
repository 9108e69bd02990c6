import type { EndpointTable, ReadTable } from '../../server/endpoints/call.ts'
import type { WriteContext } from '../../server/endpoints/method.ts'
import { endpoints } from '../../server/endpoints/table.ts'
import type { HealthCheck } from '../../server/model/check.ts'
import type { ReadMethod, ReadMethods } from '../../server/model/methods.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import type { Deregistration, Given, Registration } from '../../server/model/registration.ts'
import type { Service } from '../../server/model/service.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { WatchSet } from '../../server/state/watch.ts'
import { Log } from './log.ts'

export interface Read<M extends ReadMethod = ReadMethod> {
  readonly method: M
  readonly args: ReadMethods[M]['args']
  readonly query?: QueryOptions
}

export interface LooseRegistration extends Partial<
  Omit<Registration, 'Service' | 'Check' | 'Checks'>
> {
  readonly Service?: Partial<Service>
  readonly Check?: Partial<HealthCheck>
  readonly Checks?: readonly Partial<HealthCheck>[]
}

/** The catalog as a client has it: registrations with what a client may leave out, and reads that may be waited for. */
export class Catalog {
  readonly log = new Log()
  readonly #context: WriteContext

  constructor() {
    this.#context = {
      store: this.log.store,
      clock: systemClock,
      chance: { fraction: () => 0, uuid: () => '', bytes: () => new Uint8Array() },
      datacenter: 'dc1',
      limits: { sessionTtlMinMs: 10_000 },
      propose: async (name, args) => this.log.apply(name, args),
      known: () => this.#context,
      lockDelays: { isHeldBack: () => false },
      sessionDeadlines: { renew: () => undefined },
      coordinateUpdates: { add: () => undefined },
    }
  }

  register(given: LooseRegistration): Promise<void> {
    const { Service, Check, Checks, ...node } = given
    return endpoints['Catalog.Register'].run(this.#context, {
      ID: '',
      Node: '',
      Address: '',
      TaggedAddresses: null,
      NodeMeta: null,
      SkipNodeUpdate: false,
      ...node,
      ...(Service ? { Service: { ...blankService, ...Service } } : {}),
      ...(Check ? { Check: completeCheck(Check) } : {}),
      ...(Checks ? { Checks: Checks.map(completeCheck) } : {}),
    })
  }

  deregister(given: Partial<Deregistration>): Promise<void> {
    return endpoints['Catalog.Deregister'].run(this.#context, { Node: '', ...given })
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    query: QueryOptions = {},
  ): ReadMethods[M]['reply'] {
    return this.#run({ method, args, query }).value
  }

  index(read: Read): number {
    return Math.max(1, this.#run(read).index)
  }

  /** Waits for the read as a blocking query does: says later whether it was woken by a change that moved its index. */
  watch(read: Read): () => { readonly touched: boolean; readonly woken: boolean } {
    const { watchers } = this.log.store
    const watch = new WatchSet()
    const before = Math.max(1, this.#run(read, watch).index)
    let touched = false
    const cancel = watchers.once(watch.topics, () => (touched = true))
    return () => {
      if (!touched) cancel()
      return { touched, woken: touched && this.index(read) > before }
    }
  }

  #run<M extends ReadMethod>(
    { method, args, query = {} }: Read<M>,
    watch?: WatchSet,
  ): ReturnType<ReadTable[M]['run']> {
    const table: EndpointTable = endpoints
    return table[method].run(this.log.store, args as never, query, watch) as never
  }
}

const blankService: Given<Service> = {
  ID: '',
  Service: '',
  Tags: null,
  Address: '',
  Meta: null,
  Port: 0,
  Weights: { Passing: 1, Warning: 1 },
  EnableTagOverride: false,
  Proxy: { MeshGateway: {}, Expose: {} },
  Connect: {},
}

const blankCheck: Given<HealthCheck> = {
  Node: '',
  CheckID: '',
  Name: '',
  Status: '',
  Notes: '',
  Output: '',
  ServiceID: '',
  ServiceName: '',
  ServiceTags: null,
  Type: '',
  Definition: {},
}

function completeCheck(check: Partial<HealthCheck>): Given<HealthCheck> {
  return { ...blankCheck, ...check }
}
