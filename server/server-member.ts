import { memberStatus } from './model/member.ts'
import type { Member } from './model/member.ts'
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
  readonly expect: number
  readonly useTls: boolean
  /** Consul's protocol version. */
  readonly protocol: number
}

/** What a client tells the pool of itself. */
export type ClientIdentity = Pick<
  ServerIdentity,
  'nodeName' | 'nodeId' | 'datacenter' | 'address' | 'serfLanPort' | 'protocol'
>

/** The protocol versions of Serf and its delegate that Consul 1.8 speaks; clients print them. */
const protocol = { min: 1, max: 5, current: 2 } as const
const delegate = { min: 2, max: 5, current: 4 } as const

export function serverMember(server: ServerIdentity): Member {
  return memberWith(server, {
    acls: '0',
    ...(server.bootstrap ? { bootstrap: '1' } : {}),
    ...(server.expect > 1 ? { expect: String(server.expect) } : {}),
    build: `${consulVersion}:`,
    dc: server.datacenter,
    ft_fs: '1',
    id: server.nodeId,
    port: String(server.serverPort),
    raft_vsn: '3',
    role: 'consul',
    segment: '',
    ...(server.useTls ? { use_tls: '1' } : {}),
    vsn: String(server.protocol),
    vsn_max: '3',
    vsn_min: '2',
    wan_join_port: String(server.serfWanPort),
  })
}

export function clientMember(client: ClientIdentity): Member {
  return memberWith(client, {
    acls: '0',
    build: `${consulVersion}:`,
    dc: client.datacenter,
    id: client.nodeId,
    role: 'node',
    segment: '',
    vsn: String(client.protocol),
    vsn_max: '3',
    vsn_min: '2',
  })
}

function memberWith(self: ClientIdentity, Tags: Member['Tags']): Member {
  return {
    Name: self.nodeName,
    Addr: self.address,
    Port: self.serfLanPort,
    Tags,
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
