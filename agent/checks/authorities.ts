import { createSecureContext, getCACertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'

import type { CheckIdentity } from '../../server/tls/tls.ts'

/**
 * Whom this host trusts to say who others are: its own store, as Go's programs read it (SSL_CERT_FILE and SSL_CERT_DIR name others),
 * and not the one that Node brings, which knows nothing of an authority of the house. Read when the first check asks for it.
 */
export class Authorities {
  readonly #own: () => CheckIdentity | undefined
  #context: SecureContext | undefined

  /** `own` is asked for every handshake, and goes before the host's where there is one. */
  constructor(own: () => CheckIdentity | undefined = () => undefined) {
    this.#own = own
  }

  /** What this agent has of its own (`enable_agent_tls_for_checks`). */
  get own(): CheckIdentity | undefined {
    return this.#own()
  }

  get context(): SecureContext {
    this.#context ??= createSecureContext({ ca: authorities() })
    return this.#context
  }
}

/** A host without a store, as a small container is, has Node's. */
function authorities(): string[] {
  const ofHost = getCACertificates('system')
  return ofHost.length > 0 ? ofHost : getCACertificates('bundled')
}
