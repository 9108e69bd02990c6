/** Ports of one server, all on the loopback. */
export interface ServerPorts {
  readonly http: number
  readonly dns: number
  /** Where other servers reach it: Raft and RPC. */
  readonly server: number
  readonly serfLan: number
  readonly serfWan: number
}

/**
 * Who listens where, from the first port on: ten ports for each server, then one for the clients' link to each, then, from 100
 * on, ten for each server that dials: one for each server that it dials.
 */
export function portsOf(firstPort: number, server: number): ServerPorts {
  const first = firstPort + 10 * server
  return { http: first, dns: first + 1, server: first + 2, serfLan: first + 3, serfWan: first + 4 }
}

export function clientLinkPort(firstPort: number, server: number): number {
  return firstPort + 90 + server
}

export function peerLinkPort(firstPort: number, from: number, to: number): number {
  return firstPort + 100 + 10 * from + to
}

/**
 * What a server that is tortured needs to know, in the environment variable `PRAETOR_DIAL_MAP`: for each address that another
 * server advertises, where to dial instead. So each direction of dialling has a link of its own, and the addresses in
 * memberships, answers and logs stay the true ones.
 */
export function dialMap(firstPort: number, servers: number, from: number): string {
  return Array.from({ length: servers }, (_, to) => to)
    .filter((to) => to !== from)
    .map(
      (to) =>
        `127.0.0.1:${portsOf(firstPort, to).server}=127.0.0.1:${peerLinkPort(firstPort, from, to)}`,
    )
    .join(',')
}
