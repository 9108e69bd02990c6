import type { ClusterMethod } from './cluster-calls.ts'
import { nameInSerf } from './gossip/user-events/envelope.ts'
import type { AutopilotState } from './model/autopilot.ts'
import { PraetorError } from './model/errors.ts'
import type { KeyVerb } from './model/keyring.ts'
import type { Operator } from './operator.ts'
import type { Participant } from './participant.ts'
import type { Pools } from './pools.ts'
import type { InboundCall } from './rpc/answerer.ts'
import { flag, integer, list, text } from './rpc/shape.ts'
import type { Fields } from './rpc/shape.ts'
import { metaFields, queryOf } from './rpc/wire-methods/query.ts'
import { node, nodeCoordinate, service } from './rpc/wire-methods/rows.ts'
import { serverHealth } from './rpc/wire-methods/server-health.ts'

export interface ServerMethodsNeeds {
  /** This server's part in its cluster, once it has one. */
  readonly participant: () => Participant | undefined
  readonly operator: Operator
  readonly pools: Pools
  readonly datacenter: string
}

/** A call's fields to the answer's body. */
type Method = (body: Fields, call?: InboundCall) => Promise<unknown>

/** What else agents ask of those methods that are no part of the Rpc: real Consuls do, ours do it otherwise. */
type ConsulsMethod =
  | 'Status.Ping'
  | 'Catalog.NodeServiceList'
  | 'Internal.EventFire'
  | 'Operator.ServerHealth'

/** Every call that a server answers beside the methods of the Rpc: ONE row each. */
export function serverMethods({
  participant,
  operator,
  pools,
  datacenter,
}: ServerMethodsNeeds): Readonly<Record<ClusterMethod | ConsulsMethod, Method>> {
  return {
    ...operator.methods,

    'Status.Ping': async () => ({}),

    'Status.Leader': async () => participant()?.leaderAddress() ?? '',

    'Status.Peers': async () => Object.values(participant()?.raft.membership().addresses ?? {}),

    'Catalog.ListDatacenters': async () => [datacenter],

    /** The services of a node as a list instead of a map: how an agent since 1.7 reads what the catalog has of it. */
    'Catalog.NodeServiceList': async (body, call) => {
      const { rpc } = participant() ?? noCluster()
      const query = queryOf(body)
      const { value, meta } = await rpc.read(
        'Catalog.NodeServices',
        { Node: text.fromWire(body['Node']) },
        query.minIndex === undefined || call === undefined
          ? query
          : { ...query, signal: call.signal },
      )
      const found = value && {
        Node: node.toWire(value.Node),
        Services: list(service).toWire(value.Services),
      }
      return { NodeServices: found ?? { Node: null, Services: null }, ...metaFields(meta) }
    },

    'Coordinate.ListDatacenters': async () =>
      pools.datacenterCoordinates().map(({ Datacenter, AreaID, Coordinates }) => ({
        Datacenter,
        AreaID,
        Coordinates: list(nodeCoordinate).toWire(Coordinates),
      })),

    /** The event is sealed already by the agent that fires it. */
    'Internal.EventFire': async ({ Name, Payload }) => {
      const payload = typeof Payload === 'string' ? Buffer.from(Payload) : Payload
      pools.lan.fire({
        name: nameInSerf(text.fromWire(Name)),
        payload: payload instanceof Uint8Array ? payload : new Uint8Array(0),
      })
      return {}
    },

    'Operator.ServerHealth': async (body) =>
      serverHealth.toWire(
        (await operator.methods['Operator.AutopilotState'](body)) as AutopilotState,
      ),

    'Internal.KeyringOperation': async (body) => {
      const Responses = await pools.operateKeyrings(
        {
          verb: text.fromWire(body['Operation']) as KeyVerb,
          key: text.fromWire(body['Key']),
          relayFactor: integer.fromWire(body['RelayFactor']),
        },
        { localOnly: flag.fromWire(body['LocalOnly']) },
      )
      return { Responses }
    },
  }
}

function noCluster(): never {
  throw new PraetorError('failed', 'No cluster leader')
}
