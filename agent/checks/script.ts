import type { CheckStatus } from '../../server/model/check.ts'
import { formatDuration } from '../../server/model/duration.ts'
import { runCommand } from '../command/command.ts'
import { Tail } from '../command/tail.ts'
import { commandTimeoutMs, faultText } from './kind.ts'
import type { PeriodicKind } from './kind.ts'

/** A command of the operator's: passing when it exits with 0, a warning with 1, else critical. Off unless the agent allows it. */
export const scriptCheck: PeriodicKind = {
  name: 'script',
  timeoutMs: commandTimeoutMs,
  accepts: ({ ScriptArgs }) => ScriptArgs.length > 0,
  async run({ ScriptArgs }, limits) {
    try {
      const tail = new Tail(limits.outputMaxBytes)
      const { code, isLate, ended } = await runCommand(ScriptArgs, { ...limits, output: tail })
      const output = tail.report()
      if (!isLate) return { status: exitStatus(code), output, ended }
      const late = `Timed out (${formatDuration(limits.timeoutMs)}) running check`
      return { status: 'critical', output: output === '' ? late : `${late}\n\n${output}`, ended }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}

/** What a command says by its exit code, as Nagios' plugins do; undefined: a signal ended it. */
export function exitStatus(code: number | undefined): CheckStatus {
  if (code === 0) return 'passing'
  return code === 1 ? 'warning' : 'critical'
}
