import { systemClock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { AgentConfig } from '../config/runtime.ts'
import { notifySettings, notifyVariables } from './environment.ts'
import { nobody } from './follower.ts'
import type { Follower } from './follower.ts'
import { answersItself } from './self-question.ts'
import { childSender } from './sender.ts'
import { ServiceManager } from './service-manager.ts'

/** Whoever started this process and waits to be told how it fares. Its variables are for this process alone, and are gone afterwards. */
export function followerOf(config: AgentConfig, log: Log): Follower {
  const settings = notifySettings(process.env, process.pid)
  for (const name of notifyVariables) delete process.env[name]
  if (settings === undefined) return nobody
  const { socket, watchdogMs } = settings
  const [address] = config.http.listen
  return new ServiceManager({
    clock: systemClock,
    log,
    watchdogMs,
    sender: childSender({ socket, path: process.env['PATH'] }, log),
    probe: (signal) => answersItself(address, signal),
  })
}
