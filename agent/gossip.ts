import type { GossipPort } from '../api/ports.ts'
import { compilePattern } from '../server/filter/pattern.ts'
import { UserEvents } from '../server/gossip/user-events/user-events.ts'
import { noLeader } from '../server/model/errors.ts'
import type { Pools } from '../server/pools.ts'
import type { Chance } from '../server/runtime/chance.ts'
import type { Clock } from '../server/runtime/clock.ts'
import type { ClusterGate } from './cluster-gate.ts'
import { execEventName } from './exec/job.ts'
import type { RemoteExec } from './exec/remote-exec.ts'
import type { LocalState } from './local/state.ts'

export interface AgentGossipOptions {
  readonly nodeName: string
  readonly datacenter: string
  readonly clock: Clock
  readonly chance: Chance
  readonly cluster: ClusterGate
  readonly state: LocalState
  readonly remoteExec: RemoteExec
}

/** What HTTP asks of the pools, once there are any; until then events are refused and none are heard. */
export class AgentGossip implements GossipPort {
  readonly events: UserEvents
  readonly keyring: GossipPort['keyring']
  readonly #cluster: ClusterGate

  constructor(options: AgentGossipOptions) {
    const { nodeName, datacenter, clock, chance, cluster, state, remoteExec } = options
    this.#cluster = cluster
    this.events = new UserEvents({
      clock,
      chance,
      datacenter,
      compilePattern,
      listener: () => ({ nodeName, services: state.services() }),
      broadcast: (envelope) => this.#pools().lan.fire(envelope),
      own: { [execEventName]: (event) => remoteExec.take(event) },
    })
    this.keyring = {
      operate: async (operation) => (await cluster.wait()).calls.operateKeyrings(operation),
    }
  }

  /** Hears the events of these pools from now on. */
  hear(pools: Pools): void {
    pools.onEvent(({ time, ...envelope }) => this.events.hear(envelope, time))
  }

  async datacenterCoordinates(): ReturnType<GossipPort['datacenterCoordinates']> {
    return (await this.#cluster.current?.calls.datacenterCoordinates()) ?? []
  }

  #pools(): Pools {
    const { current } = this.#cluster
    if (current === undefined) throw noLeader()
    return current.pools
  }
}
