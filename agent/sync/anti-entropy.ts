import type { Rpc } from '../../server/model/methods.ts'
import type { Node } from '../../server/model/node.ts'
import type { Registration } from '../../server/model/registration.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { LocalState } from '../local/state.ts'
import { differences } from './diff.ts'
import type { LocalNode } from './diff.ts'

export interface AntiEntropyOptions {
  readonly rpc: Rpc
  readonly log: Log
  readonly state: LocalState
  readonly node: () => LocalNode
  /** The agent's own token, where an entry has none. */
  readonly token: string
}

/**
 * Makes the catalog say of this node what the agent says. A full run compares everything, both ways; a partial one sends what is
 * marked as changed. Each step marks what it carried over, so that a failure half way loses nothing and repeats little.
 */
export class AntiEntropy {
  readonly #options: AntiEntropyOptions
  #nodeInSync = false

  constructor(options: AntiEntropyOptions) {
    this.#options = options
  }

  async full(): Promise<void> {
    await this.#compare()
    await this.partial()
  }

  async partial(): Promise<void> {
    const { services, checks } = this.#options.state.entries
    if (!this.#nodeInSync) await this.#registerNode()
    for (const [id, { gone, inSync }] of services) {
      if (gone) await this.#deregisterService(id)
      else if (!inSync) await this.#registerService(id)
    }
    for (const [id, { gone, inSync }] of checks) {
      if (gone) await this.#deregisterCheck(id)
      else if (!inSync) await this.#registerCheck(id)
    }
  }

  async #compare(): Promise<void> {
    const { rpc, state, token } = this.#options
    const node = this.#options.node()
    const options = { consistency: 'default', token } as const
    const [services, checks] = await Promise.all([
      rpc.read('Catalog.NodeServices', { Node: node.Node }, options),
      rpc.read('Health.NodeChecks', { Node: node.Node }, options),
    ])
    // A name that is not registered is taken for the beginning of a node's id, as Consul does: `c2` may find another node.
    const own = isOf(node.Node, services.value) ? services.value : undefined
    const found = differences(
      { node, ...state.entries },
      { node: own?.Node, services: own?.Services ?? [], checks: checks.value },
    )
    this.#nodeInSync = found.nodeInSync
    for (const { row, inSync } of found.services) state.markService(row.ID, row, inSync)
    for (const { row, inSync } of found.checks) state.markCheck(row.CheckID, row, inSync)
    for (const { row, tags } of found.adoptedTags) state.adoptTags(row.ID, row, tags)
    for (const id of found.strayServiceIds) await this.#deregisterService(id)
    const goneServices = new Set(found.strayServiceIds)
    for (const id of found.strayCheckIds) {
      const owner = checks.value.find(({ CheckID }) => CheckID === id)?.ServiceID ?? ''
      if (!goneServices.has(owner)) await this.#deregisterCheck(id)
    }
  }

  async #registerNode(): Promise<void> {
    const { rpc, log, token } = this.#options
    await rpc.write('Catalog.Register', this.#registration(), { token })
    this.#nodeInSync = true
    log.info({}, 'Synced node info')
  }

  /** A service goes with those of its checks that are to be sent anyway: one write, and no moment without them. */
  async #registerService(id: string): Promise<void> {
    const { rpc, log, state } = this.#options
    const service = state.entries.services.get(id)
    if (service === undefined || service.gone) return
    const checks = [...state.entries.checks.values()].filter(
      (check) =>
        !check.gone && !check.inSync && check.row.ServiceID === id && check.token === service.token,
    )
    await rpc.write(
      'Catalog.Register',
      { ...this.#registration(), Service: service.row, Checks: checks.map(({ row }) => row) },
      { token: this.#tokenOf(service) },
    )
    this.#nodeInSync = true
    state.markService(id, service.row, true)
    for (const { row } of checks) state.markCheck(row.CheckID, row, true)
    log.info({ service: id }, 'Synced service')
  }

  async #registerCheck(id: string): Promise<void> {
    const { rpc, log, state } = this.#options
    const check = state.entries.checks.get(id)
    if (check === undefined || check.gone || check.inSync) return
    const { ServiceID } = check.row
    const service = state.entries.services.get(ServiceID)
    // Its service is just being registered or deregistered: the check goes with it.
    if (ServiceID !== '' && (service === undefined || service.gone)) return
    await rpc.write(
      'Catalog.Register',
      {
        ...this.#registration(),
        ...(service === undefined ? {} : { Service: service.row }),
        Check: check.row,
      },
      { token: this.#tokenOf(check) },
    )
    this.#nodeInSync = true
    state.markCheck(id, check.row, true)
    log.info({ check: id }, 'Synced check')
  }

  async #deregisterService(ServiceID: string): Promise<void> {
    const { rpc, log, state } = this.#options
    const Node = this.#options.node().Node
    const token = this.#tokenOf(state.entries.services.get(ServiceID))
    await rpc.write('Catalog.Deregister', { Node, ServiceID }, { token })
    state.forgetService(ServiceID)
    // The catalog took the service's checks with it.
    for (const [id, check] of state.entries.checks)
      if (check.gone && check.row.ServiceID === ServiceID) state.forgetCheck(id)
    log.info({ service: ServiceID }, 'Deregistered service')
  }

  async #deregisterCheck(CheckID: string): Promise<void> {
    const { rpc, log, state } = this.#options
    const Node = this.#options.node().Node
    const token = this.#tokenOf(state.entries.checks.get(CheckID))
    await rpc.write('Catalog.Deregister', { Node, CheckID }, { token })
    state.forgetCheck(CheckID)
    log.info({ check: CheckID }, 'Deregistered check')
  }

  #tokenOf(entry: { readonly token: string } | undefined): string {
    return entry === undefined || entry.token === '' ? this.#options.token : entry.token
  }

  #registration(): Registration {
    const { ID, Node, Address, Datacenter, TaggedAddresses, Meta } = this.#options.node()
    return {
      Datacenter,
      ID,
      Node,
      Address,
      TaggedAddresses,
      NodeMeta: Meta,
      SkipNodeUpdate: this.#nodeInSync,
    }
  }
}

function isOf(
  name: string,
  found: { readonly Node: Pick<Node, 'Node'> } | null | undefined,
): boolean {
  return found?.Node.Node.toLowerCase() === name.toLowerCase()
}
