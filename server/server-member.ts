import { serfAliveOutput, serfCheckId, serfCheckName } from './model/check.ts'
import { memberStatus } from './model/member.ts'
import type { Member } from './model/member.ts'
import type { Registration } from './model/registration.ts'
import { consulVersion } from './model/version.ts'

/** What a server tells the pool and the catalog of itself. */
export interface ServerIdentity {
  readonly nodeName: string
  readonly nodeId: string
  readonly datacenter: string
  readonly address: string
  readonly serverPort: number
  readonly serfLanPort: number
  readonly serfWanPort: number
  readonly bootstrap: boolean
}

/** The protocol versions of Serf and its delegate that Consul 1.8 speaks; clients print them. */
const protocol = { min: 1, max: 5, current: 2 } as const
const delegate = { min: 2, max: 5, current: 4 } as const

export function serverMember(server: ServerIdentity): Member {
  return {
    Name: server.nodeName,
    Addr: server.address,
    Port: server.serfLanPort,
    Tags: {
      acls: '0',
      ...(server.bootstrap ? { bootstrap: '1' } : {}),
      build: `${consulVersion}:`,
      dc: server.datacenter,
      ft_fs: '1',
      id: server.nodeId,
      port: String(server.serverPort),
      raft_vsn: '3',
      role: 'consul',
      segment: '',
      vsn: '2',
      vsn_max: '3',
      vsn_min: '2',
      wan_join_port: String(server.serfWanPort),
    },
    Status: memberStatus.alive,
    ProtocolMin: protocol.min,
    ProtocolMax: protocol.max,
    ProtocolCur: protocol.current,
    DelegateMin: delegate.min,
    DelegateMax: delegate.max,
    DelegateCur: delegate.current,
  }
}

/** The same server as a member of the WAN pool, where names carry their data centre. */
export function wanMember(server: ServerIdentity): Member {
  const member = serverMember(server)
  const { wan_join_port: _port, ...Tags } = member.Tags
  return {
    ...member,
    Tags,
    Name: `${server.nodeName}.${server.datacenter}`,
    Port: server.serfWanPort,
  }
}

/** A server in the catalog: the service that everybody finds the servers by, and the check that gossip keeps. */
export function memberRegistration(server: ServerIdentity): Registration {
  return {
    Datacenter: server.datacenter,
    ID: server.nodeId,
    Node: server.nodeName,
    Address: server.address,
    TaggedAddresses: null,
    NodeMeta: null,
    // The node's own agent knows its tagged addresses and metadata; the leader must not take them away.
    SkipNodeUpdate: true,
    Service: {
      ID: 'consul',
      Service: 'consul',
      Tags: [],
      Address: '',
      Meta: {
        non_voter: 'false',
        raft_version: '3',
        serf_protocol_current: String(protocol.current),
        serf_protocol_max: String(protocol.max),
        serf_protocol_min: String(protocol.min),
        version: consulVersion,
      },
      Port: server.serverPort,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: { MeshGateway: {}, Expose: {} },
      Connect: {},
    },
    Check: {
      Node: server.nodeName,
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
