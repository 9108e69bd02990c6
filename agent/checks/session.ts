import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'

import type { Authorities } from './authorities.ts'
import { dial, parseAddress } from './dial.ts'
import { handshake } from './handshake.ts'
import { CheckFault, faultText } from './kind.ts'

export interface SessionOptions {
  readonly tls: boolean
  readonly skipVerify: boolean
  readonly authorities: Authorities
  readonly signal: AbortSignal
}

/** No connection came about; a `handshake` is one that failed in TLS. */
export class SessionFault extends CheckFault {
  readonly stage: 'dial' | 'handshake'

  constructor(stage: 'dial' | 'handshake', error: unknown) {
    super(faultText(error))
    this.stage = stage
  }
}

/**
 * An HTTP/2 connection of its own, as checks want it: how a service takes new ones is what is looked at. Rejects with a
 * SessionFault. The caller destroys it, and hears of its end by its `close`.
 */
export async function openSession(
  address: string,
  { tls, skipVerify, authorities, signal }: SessionOptions,
): Promise<ClientHttp2Session> {
  const plain = await dial(address, signal).catch(failedAt('dial'))
  const { host } = parseAddress('tcp', address)
  const socket = tls
    ? await handshake(plain, { host, skipVerify, authorities, protocols: ['h2'], signal }).catch(
        failedAt('handshake'),
      )
    : plain
  const session = connect(`${tls ? 'https' : 'http'}://${address}`, {
    createConnection: () => socket,
  })
  session.on('error', () => undefined)
  return session
}

function failedAt(stage: SessionFault['stage']): (error: unknown) => never {
  return (error) => {
    throw new SessionFault(stage, error)
  }
}
