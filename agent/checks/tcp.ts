import { dial } from './dial.ts'
import { faultText, networkTimeoutMs } from './kind.ts'
import type { PeriodicKind } from './kind.ts'

/** Passing when somebody accepts a connection. */
export const tcpCheck: PeriodicKind = {
  name: 'tcp',
  timeoutMs: networkTimeoutMs,
  accepts: ({ TCP }) => TCP !== '',
  async run({ TCP }, { signal }) {
    try {
      const socket = await dial(TCP, signal)
      socket.destroy()
      return { status: 'passing', output: `TCP connect ${TCP}: Success` }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}
