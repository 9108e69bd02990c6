import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'

import { hostPort } from '../../server/model/host-port.ts'
import { describeDialError, parseAddress } from './dial.ts'
import { CheckFault, networkTimeoutMs } from './kind.ts'
import type { CheckResult, PeriodicKind } from './kind.ts'

/**
 * Critical when the host says that nobody listens. An answer is as good as silence: few services answer an empty datagram, so a
 * run that hears nothing passes when its time is over.
 */
export const udpCheck: PeriodicKind = {
  name: 'udp',
  timeoutMs: networkTimeoutMs,
  accepts: ({ UDP }) => UDP !== '',
  async run({ UDP }, { signal }) {
    try {
      const { host, port } = parseAddress('udp', UDP)
      const { address, family } = await Promise.race([
        lookup(host === '' ? 'localhost' : host),
        once(signal, 'abort').then(() => {
          throw new CheckFault(`dial udp: lookup ${host}: i/o timeout`)
        }),
      ])
      return await probe(UDP, { address, family, port }, signal)
    } catch (error) {
      return {
        status: 'critical',
        output: error instanceof CheckFault ? error.message : describeDialError('udp', UDP, error),
      }
    }
  },
}

async function probe(
  UDP: string,
  to: { readonly address: string; readonly family: number; readonly port: number },
  signal: AbortSignal,
): Promise<CheckResult> {
  const socket = createSocket(to.family === 6 ? 'udp6' : 'udp4')
  const passing: CheckResult = { status: 'passing', output: `UDP connect ${UDP}: Success` }
  const { promise, resolve } = Promise.withResolvers<CheckResult>()
  const onAbort = (): void => resolve(passing)
  signal.addEventListener('abort', onAbort, { once: true })
  const fail = (output: string): void => resolve({ status: 'critical', output })
  const remote = hostPort(to.address, to.port)
  socket.on('message', () => resolve(passing))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED') return fail(describeDialError('udp', remote, error))
    const { address, port } = socket.address()
    fail(`read udp ${hostPort(address, port)}->${remote}: read: connection refused`)
  })
  try {
    // Connected, the socket hears of it where nobody listens.
    socket.connect(to.port, to.address, (error?: Error | null) => {
      if (error === undefined || error === null) socket.send('')
      else fail(describeDialError('udp', remote, error))
    })
    if (signal.aborted) onAbort()
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.close()
  }
}
