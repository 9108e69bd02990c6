/** What a service manager tells a process that it has started: systemd's sd_notify(3) and sd_watchdog_enabled(3). */
export interface NotifySettings {
  /** Where it listens: a path, or an abstract name that begins with `@`. */
  readonly socket: string
  /** How long it waits for a sign of life before it ends the process; undefined where it doesn't ask for any. */
  readonly watchdogMs: number | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** The variables of the protocol. What the agent starts must not find them: it would speak in the agent's name. */
export const notifyVariables = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC'] as const

/** Undefined where nobody listens. */
export function notifySettings(env: Environment, pid: number): NotifySettings | undefined {
  const socket = env['NOTIFY_SOCKET'] ?? ''
  if (!/^[/@]./.test(socket)) return undefined
  return { socket, watchdogMs: watchdogMs(env, pid) }
}

function watchdogMs(env: Environment, pid: number): number | undefined {
  const { WATCHDOG_USEC: micros = '', WATCHDOG_PID: forPid = '' } = env
  if (!/^[1-9]\d*$/.test(micros)) return undefined
  // A wrapper script leaves the variables to us, but they speak of the script.
  if (forPid !== '' && forPid !== String(pid)) return undefined
  return Number(micros) / 1000
}
