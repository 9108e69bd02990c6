export interface JoinAddress {
  /** A name or an IP literal, without brackets. */
  readonly host: string
  readonly port: number
}

/**
 * `host`, `host:port`, `[v6]:port` or a bare IPv6 literal, as one writes the members to join. Where no port is given, others are
 * taken to have the one that we have.
 */
export function splitJoinAddress(text: string, defaultPort: number): JoinAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text)
  if (match !== null) return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) }
  const host = text.replace(/^\[(.*)\]$/, '$1')
  return { host: host.includes('::') ? host : host.replace(/:$/, ''), port: defaultPort }
}
