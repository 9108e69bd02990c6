/** What an agent was told of TLS, as its configuration has it. */
export interface TlsOptions {
  /** Whose signature is trusted: a file, or else a directory of files; `''` for none. */
  readonly caFile: string
  readonly caPath: string
  /** Who this agent is; both, or it has no certificate. */
  readonly certFile: string
  readonly keyFile: string
  /** Whoever calls must prove who it is: the server port and HTTPS, or one of them. */
  readonly verifyIncoming: boolean
  readonly verifyIncomingRpc: boolean
  readonly verifyIncomingHttps: boolean
  /** Servers are called over TLS only. */
  readonly verifyOutgoing: boolean
  /** And are taken for servers only with `server.<datacenter>.<domain>` in their certificate. */
  readonly verifyServerHostname: boolean
  /** Without dots at its ends. */
  readonly domain: string
  readonly minVersion: string
  /** By the names of their registry (IANA); empty for the usual ones. Those of TLS 1.3 are always there, as in Go. */
  readonly cipherSuites: readonly string[]
  readonly preferServerCipherSuites: boolean
  /** Checks of services show this agent's certificate, trust its authorities alone, and look for that name, else the node's. */
  readonly forChecks: boolean
  readonly serverName: string
}

export const tlsVersions = {
  tls10: 'TLSv1',
  tls11: 'TLSv1.1',
  tls12: 'TLSv1.2',
  tls13: 'TLSv1.3',
} as const

/** The suites that may be asked for, and what OpenSSL calls them and their numbers in the registry. */
export const cipherSuites: Readonly<Record<string, readonly [name: string, id: number]>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: ['ECDHE-ECDSA-AES128-SHA', 0xc009],
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: ['ECDHE-ECDSA-AES128-SHA256', 0xc023],
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: ['ECDHE-ECDSA-AES128-GCM-SHA256', 0xc02b],
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: ['ECDHE-ECDSA-AES256-SHA', 0xc00a],
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: ['ECDHE-ECDSA-AES256-GCM-SHA384', 0xc02c],
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: ['ECDHE-RSA-AES128-SHA', 0xc013],
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: ['ECDHE-RSA-AES128-SHA256', 0xc027],
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: ['ECDHE-RSA-AES128-GCM-SHA256', 0xc02f],
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: ['ECDHE-RSA-AES256-SHA', 0xc014],
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: ['ECDHE-RSA-AES256-GCM-SHA384', 0xc030],
}
