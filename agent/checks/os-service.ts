import { quote } from '../../server/filter/literal.ts'
import type { CheckStatus } from '../../server/model/check.ts'
import { runCommand } from '../command/command.ts'
import { Tail } from '../command/tail.ts'
import { commandTimeoutMs, faultText } from './kind.ts'
import type { PeriodicKind } from './kind.ts'

/** What systemd says of a unit on its way from one state to another. */
const changing: ReadonlySet<string> = new Set([
  'activating',
  'deactivating',
  'maintenance',
  'refreshing',
  'reloading',
])

/** Passing while systemd has the unit active, a warning while it changes. */
export const osServiceCheck: PeriodicKind = {
  name: 'os_service',
  timeoutMs: commandTimeoutMs,
  accepts: ({ OSService }) => OSService !== '',
  async run({ OSService }, limits) {
    const service = `Service ${quote(OSService)}`
    try {
      const args = ['systemctl', 'is-active', '--', OSService]
      const tail = new Tail(limits.outputMaxBytes)
      const { isLate, ended } = await runCommand(args, { ...limits, output: tail })
      if (isLate) return { status: 'critical', output: `${service} was not told of in time`, ended }
      const state = tail.text().trim()
      return {
        status: statusOf(state),
        output: `${service} is ${state === 'active' ? 'healthy' : state}`,
      }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}

function statusOf(state: string): CheckStatus {
  if (state === 'active') return 'passing'
  return changing.has(state) ? 'warning' : 'critical'
}
