import { hostPort } from './model/host-port.ts'
import { memberStatus } from './model/member.ts'
import type { Member } from './model/member.ts'
import type { KnownServer } from './raft/autopilot/compute.ts'

/** The members of the pool that are servers of this data centre, as autopilot looks at them. */
export function knownServers(members: readonly Member[], datacenter: string): KnownServer[] {
  return members
    .filter(({ Tags }) => Tags['role'] === 'consul' && Tags['dc'] === datacenter)
    .map(({ Name, Addr, Status, Tags }) => ({
      id: Tags['id'] ?? '',
      name: Name,
      address: hostPort(Addr, Tags['port'] ?? ''),
      status: statuses[Status] ?? 'failed',
      version: (Tags['build'] ?? '').replace(/:.*$/, ''),
      meta: {},
    }))
}

const statuses: Readonly<Record<number, KnownServer['status']>> = {
  [memberStatus.alive]: 'alive',
  [memberStatus.leaving]: 'leaving',
  [memberStatus.left]: 'left',
  [memberStatus.failed]: 'failed',
}
