import type { TlsOptions } from '../../server/tls/options.ts'

/** TLS as it is where nobody says anything of it. */
export const noTls: TlsOptions = {
  caFile: '',
  caPath: '',
  certFile: '',
  keyFile: '',
  verifyIncoming: false,
  verifyIncomingRpc: false,
  verifyIncomingHttps: false,
  verifyOutgoing: false,
  verifyServerHostname: false,
  domain: 'consul',
  minVersion: 'tls12',
  cipherSuites: [],
  preferServerCipherSuites: false,
  forChecks: false,
  serverName: '',
}
