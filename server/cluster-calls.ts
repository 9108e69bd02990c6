import type { AutopilotState, RaftServer } from './model/autopilot.ts'
import type { DatacenterCoordinates } from './model/coordinate.ts'
import type { PoolKeyring } from './model/keyring.ts'
import { fieldsOf, list, text } from './rpc/shape.ts'
import type { Fields } from './rpc/shape.ts'
import { nodeCoordinate } from './rpc/wire-methods/rows.ts'
import { serverHealth } from './rpc/wire-methods/server-health.ts'

/** Calls that are no methods of the Rpc: of consensus, of the pools, of what servers know of each other. Their names are Consul's. */
export type ClusterMethod =
  | 'Status.Leader'
  | 'Status.Peers'
  | 'Catalog.ListDatacenters'
  | 'Coordinate.ListDatacenters'
  | 'Internal.KeyringOperation'
  | 'Operator.RaftGetConfiguration'
  | 'Operator.RaftRemovePeerByID'
  | 'Operator.RaftRemovePeerByAddress'
  | 'Operator.TransferLeader'
  | 'Operator.AutopilotState'
  | 'Operator.ServerHealth'

/** Makes a call; a server carries it out itself or has the leader do so, a client asks a server. */
export type Ask = (method: ClusterMethod, body: Fields) => Promise<unknown>

export interface KeyringRequest {
  readonly verb: string
  /** In base64; empty for `list`. */
  readonly key: string
  readonly relayFactor: number
  readonly localOnly: boolean
}

/** The same calls in types of ours, wherever they are carried out. */
export class ClusterCalls {
  readonly #ask: Ask

  constructor(ask: Ask) {
    this.#ask = ask
  }

  /** The leader's RPC address; '' where there is none. */
  async leader(): Promise<string> {
    return text.fromWire(await this.#ask('Status.Leader', {}))
  }

  /** Every server's RPC address. */
  async peers(): Promise<readonly string[]> {
    return texts.fromWire(await this.#ask('Status.Peers', {}))
  }

  /** Those that are known, the nearest first. */
  async datacenters(): Promise<readonly string[]> {
    return texts.fromWire(await this.#ask('Catalog.ListDatacenters', {}))
  }

  /** Where the servers of each data centre stand. */
  async datacenterCoordinates(): Promise<readonly DatacenterCoordinates[]> {
    const maps = await this.#ask('Coordinate.ListDatacenters', {})
    return (maps as readonly Fields[]).map((map) => ({
      Datacenter: text.fromWire(map['Datacenter']),
      AreaID: text.fromWire(map['AreaID']),
      Coordinates: list(nodeCoordinate).fromWire(map['Coordinates']),
    }))
  }

  /** The leader's word for who takes part, or with `stale` that of the server asked. */
  async raftServers({ stale }: { readonly stale: boolean }): Promise<readonly RaftServer[]> {
    const reply = await this.#ask(
      'Operator.RaftGetConfiguration',
      stale ? { AllowStale: true } : {},
    )
    return fieldsOf(reply)['Servers'] as readonly RaftServer[]
  }

  async removePeer(peer: { readonly id: string } | { readonly address: string }): Promise<void> {
    if ('id' in peer) await this.#ask('Operator.RaftRemovePeerByID', { ID: peer.id })
    else await this.#ask('Operator.RaftRemovePeerByAddress', { Address: peer.address })
  }

  async transferLeader(id: string | undefined): Promise<boolean> {
    const reply = await this.#ask('Operator.TransferLeader', { ID: id ?? '' })
    return fieldsOf(reply)['Success'] === true
  }

  /** A Consul knows less of its servers, and another call for it. */
  async autopilotState(): Promise<AutopilotState> {
    try {
      return (await this.#ask('Operator.AutopilotState', {})) as AutopilotState
    } catch (error) {
      if (!isUnknown(error, 'Operator.AutopilotState')) throw error
      return serverHealth.fromWire(await this.#ask('Operator.ServerHealth', {}))
    }
  }

  async operateKeyrings(request: KeyringRequest): Promise<readonly PoolKeyring[]> {
    const reply = await this.#ask('Internal.KeyringOperation', {
      Operation: request.verb,
      Key: request.key,
      RelayFactor: request.relayFactor,
      LocalOnly: request.localOnly,
    })
    return (fieldsOf(reply)['Responses'] as readonly Fields[]).map((pool) => ({
      WAN: pool['WAN'] === true,
      Datacenter: text.fromWire(pool['Datacenter']),
      Segment: text.fromWire(pool['Segment']),
      Messages: (pool['Messages'] ?? {}) as PoolKeyring['Messages'],
      Keys: (pool['Keys'] ?? {}) as PoolKeyring['Keys'],
      PrimaryKeys: (pool['PrimaryKeys'] ?? {}) as PoolKeyring['PrimaryKeys'],
      NumNodes: Number(pool['NumNodes'] ?? 0),
      Error: text.fromWire(pool['Error']),
    }))
  }
}

/** In the words of Go's net/rpc, which ours are too. */
function isUnknown(error: unknown, method: ClusterMethod): boolean {
  return error instanceof Error && error.message.endsWith(`rpc: can't find method ${method}`)
}

const texts = list(text)
