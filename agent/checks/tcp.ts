import { connect } from 'node:net'

import { describeDialError } from './kind.ts'
import type { CheckResult, PeriodicKind } from './kind.ts'

/** Passing when somebody accepts a connection. */
export const tcpCheck: PeriodicKind = {
  name: 'tcp',
  run({ TCP }, { timeoutMs, signal }) {
    const target = parseTarget(TCP)
    if (target === undefined)
      return Promise.resolve({
        status: 'critical',
        output: `dial tcp: address ${TCP}: missing port in address`,
      })
    return new Promise<CheckResult>((resolve) => {
      const socket = connect({ ...target, signal })
      const settle = (result: CheckResult): void => {
        socket.destroy()
        resolve(result)
      }
      socket.setTimeout(timeoutMs, () =>
        settle({ status: 'critical', output: `dial tcp ${TCP}: i/o timeout` }),
      )
      socket.once('connect', () =>
        settle({ status: 'passing', output: `TCP connect ${TCP}: Success` }),
      )
      socket.once('error', (error) =>
        settle({ status: 'critical', output: describeDialError(TCP, error) }),
      )
    })
  },
}

function parseTarget(
  address: string,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(address)
  if (match === null) return undefined
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '' ? 'localhost' : host, port: Number(match[3]) }
}
