import { serfAliveOutput, serfCheckId, serfCheckName } from '../model/check.ts'
import type { Member } from '../model/member.ts'
import type { Registration } from '../model/registration.ts'
import { findCheck } from '../state/checks.ts'
import { isSame } from '../state/equality.ts'
import { findNode } from '../state/nodes.ts'
import { findService } from '../state/services.ts'
import type { Store } from '../state/store.ts'

/** A member as the catalog should show it: its node, the check that the pool keeps, and for a server the service of servers. */
export function memberRegistration(member: Member): Registration {
  const { Tags } = member
  return {
    Datacenter: Tags['dc'] ?? '',
    ID: Tags['id'] ?? '',
    Node: member.Name,
    Address: member.Addr,
    TaggedAddresses: null,
    NodeMeta: null,
    // The node's own agent knows its tagged addresses and metadata; the leader must not take them away.
    SkipNodeUpdate: true,
    ...(Tags['role'] === 'consul' ? { Service: serverService(member) } : {}),
    Check: {
      Node: member.Name,
      CheckID: serfCheckId,
      Name: serfCheckName,
      Status: 'passing',
      Notes: '',
      Output: serfAliveOutput,
      ServiceID: '',
      ServiceName: '',
      ServiceTags: [],
      Type: '',
      Definition: {},
    },
  }
}

/** Whether the catalog says all of that of a node it knows. */
export function isInCatalog(store: Store, { Node, Service, Check }: Registration): boolean {
  return (
    findNode(store, Node) !== undefined &&
    (!Service || says(findService(store, Node, Service.ID), Service)) &&
    (!Check || says(findCheck(store, Node, Check.CheckID), Check))
  )
}

/** A row may say more, such as when it was made. */
function says(row: object | undefined, given: object): boolean {
  const there = row as Readonly<Record<string, unknown>> | undefined
  return (
    there !== undefined && Object.entries(given).every(([key, value]) => isSame(there[key], value))
  )
}

function serverService({
  Tags,
  ProtocolCur,
  ProtocolMax,
  ProtocolMin,
}: Member): NonNullable<Registration['Service']> {
  return {
    ID: 'consul',
    Service: 'consul',
    Tags: [],
    Address: '',
    Meta: {
      non_voter: 'false',
      raft_version: Tags['raft_vsn'] ?? '',
      serf_protocol_current: String(ProtocolCur),
      serf_protocol_max: String(ProtocolMax),
      serf_protocol_min: String(ProtocolMin),
      version: (Tags['build'] ?? '').replace(/:.*$/, ''),
    },
    Port: Number(Tags['port'] ?? 0),
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Proxy: { MeshGateway: {}, Expose: {} },
    Connect: {},
  }
}
