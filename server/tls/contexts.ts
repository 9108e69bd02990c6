import type { ConnectionOptions, SecureContextOptions, TlsOptions as ServerOptions } from 'node:tls'

import type { TlsMaterial } from './material.ts'
import { cipherSuites, tlsVersions } from './options.ts'
import type { TlsOptions } from './options.ts'

/** Why these can't be, in Consul's words and order; undefined where they can. */
export function findTlsFault(
  options: TlsOptions,
  { authorities, identity }: TlsMaterial,
): string | undefined {
  const { minVersion, verifyOutgoing } = options
  if (!(minVersion in tlsVersions))
    return `TLSMinVersion: value ${minVersion} not supported, please specify one of [${Object.keys(tlsVersions).join(', ')}]`
  if (verifyOutgoing && authorities === undefined)
    return 'VerifyOutgoing set, and no CA certificate provided!'
  if (!verifiesRpc(options) && !verifiesHttps(options)) return undefined
  if (authorities === undefined) return 'VerifyIncoming set but no CA certificates were provided'
  return identity === undefined
    ? 'VerifyIncoming requires either a Cert and Key pair in the configuration file, or auto_encrypt/auto_config be enabled'
    : undefined
}

export function verifiesRpc({ verifyIncoming, verifyIncomingRpc }: TlsOptions): boolean {
  return verifyIncoming || verifyIncomingRpc
}

export function verifiesHttps({ verifyIncoming, verifyIncomingHttps }: TlsOptions): boolean {
  return verifyIncoming || verifyIncomingHttps
}

/** For those who come to this agent; `verify`: they must prove who they are. */
export function incoming(
  options: TlsOptions,
  material: TlsMaterial,
  verify: boolean,
): ServerOptions & SecureContextOptions {
  return {
    ...contextOf(options, material),
    honorCipherOrder: options.preferServerCipherSuites,
    requestCert: verify,
    rejectUnauthorized: verify,
  }
}

/** For the servers that this agent calls; undefined where it calls them in the clear. */
export function outgoing(
  options: TlsOptions,
  material: TlsMaterial,
  datacenter: string,
): ConnectionOptions | undefined {
  if (!options.verifyOutgoing) return undefined
  return {
    ...contextOf(options, material),
    rejectUnauthorized: true,
    ...(options.verifyServerHostname
      ? { servername: `server.${datacenter}.${options.domain}` }
      : { checkServerIdentity: () => undefined }),
  }
}

/** Whoever stands in the file is trusted, whether or not somebody else signed it: so does Go. */
export function contextOf(
  options: TlsOptions,
  { authorities, identity }: TlsMaterial,
): SecureContextOptions {
  const { minVersion, cipherSuites: suites } = options
  return {
    ...identity,
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
    allowPartialTrustChain: true,
    minVersion: tlsVersions[minVersion as keyof typeof tlsVersions],
    ...(suites.length === 0
      ? {}
      : { ciphers: [...ofTls13, ...suites.map((name) => cipherSuites[name]?.[0])].join(':') }),
  }
}

const ofTls13 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const
