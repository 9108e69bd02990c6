export interface JoinAddress {
  /** A name or an IP literal, without brackets. */
  readonly host: string
  readonly port: number
}

const defaultPort = 8301

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 literal, as one writes the members to join. */
export function splitJoinAddress(text: string): JoinAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text)
  if (match !== null) return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) }
  const host = text.replace(/^\[(.*)\]$/, '$1')
  return { host: host.includes('::') ? host : host.replace(/:$/, ''), port: defaultPort }
}
