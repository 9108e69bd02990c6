import { createSecureContext, getCACertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'

/**
 * Whom this host trusts to say who others are: its own store, as Go's programs read it (SSL_CERT_FILE and SSL_CERT_DIR name others),
 * and not the one that Node brings, which knows nothing of an authority of the house. Read when the first check asks for it.
 */
export class Authorities {
  #context: SecureContext | undefined

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
