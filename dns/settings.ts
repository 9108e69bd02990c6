/** The `dns_config` block and the two domains, as DNS uses them. Times to live are whole seconds. */
export interface DnsSettings {
  /** Without dots at its ends: `consul`. */
  readonly domain: string
  /** A second domain that is answered like the first; `''` for none. */
  readonly altDomain: string
  readonly nodeTtlSeconds: number
  /** By service name, or by a prefix ending in `*`; see ttl.ts. */
  readonly serviceTtlSeconds: Readonly<Record<string, number>>
  readonly soa: SoaSettings
  /** Leave out instances with a warning too, not only the critical ones. */
  readonly onlyPassing: boolean
  /** Records in an answer over UDP to who doesn't speak EDNS. */
  readonly udpAnswerLimit: number
  /** Say so in the header when records had to be left out. */
  readonly enableTruncate: boolean
  /** Addresses in any answer; 0 for no limit. */
  readonly aRecordLimit: number
  readonly disableCompression: boolean
  /** Give a node's metadata as TXT records beside its address. */
  readonly enableAdditionalNodeMetaTxt: boolean
  /** Let any server answer, not only the leader. */
  readonly allowStale: boolean
  /** A stale answer older than this is asked of the leader again. */
  readonly maxStaleMs: number
  /** Whom to ask, in this order, for what is not ours to answer. */
  readonly recursors: readonly Recursor[]
  /** How long one of them may take. */
  readonly recursorTimeoutMs: number
}

/** Another DNS server. */
export interface Recursor {
  /** An IP address. */
  readonly host: string
  readonly port: number
}

export interface SoaSettings {
  readonly refreshSeconds: number
  readonly retrySeconds: number
  readonly expireSeconds: number
  readonly minTtlSeconds: number
}

export const defaultDnsSettings: DnsSettings = {
  domain: 'consul',
  altDomain: '',
  nodeTtlSeconds: 0,
  serviceTtlSeconds: {},
  soa: { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 86_400, minTtlSeconds: 0 },
  onlyPassing: false,
  udpAnswerLimit: 3,
  enableTruncate: false,
  aRecordLimit: 0,
  disableCompression: false,
  enableAdditionalNodeMetaTxt: true,
  allowStale: true,
  maxStaleMs: 87_600 * 3_600_000,
  recursors: [],
  recursorTimeoutMs: 2000,
}
