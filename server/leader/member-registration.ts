import { serfAliveOutput, serfCheckId, serfCheckName } from '../model/check.ts'
import type { Member } from '../model/member.ts'
import type { Registration } from '../model/registration.ts'

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
