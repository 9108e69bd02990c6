import { execFile } from 'node:child_process'

import { describeError } from '../../server/model/errors.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { Message } from './conversation.ts'

/** Takes a message to the service manager. */
export interface Sender {
  /** Messages arrive in the order in which they are sent. Never throws. */
  send(message: Message): void
  /** Resolves once all that was sent has arrived or was given up. */
  sent(): Promise<void>
}

/** A message that takes longer is given up. */
const sendMs = 5000

/** What waits while the manager is slow; the newest are dropped, as it has enough to read. */
const waitingMax = 32

/**
 * Sends by `systemd-notify`, which is wherever systemd is. The protocol's socket takes datagrams, which Node has no socket for; a
 * native addon or Node's experimental FFI would send them, and would have to be trusted with the whole process. A child costs some
 * milliseconds, a few times in an agent's life and once in half a watchdog's period. It comes from a process that is not the
 * main one, so the unit needs `NotifyAccess=all`; the child waits until the manager has read it, so that it is still there when
 * the manager looks whose it is.
 */
export function childSender(
  { socket, path }: { readonly socket: string; readonly path: string | undefined },
  log: Log,
): Sender {
  let last = Promise.resolve()
  let waiting = 0
  let isFailing = false
  const deliver = async (message: Message): Promise<void> => {
    try {
      await run(message, { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) })
      isFailing = false
    } catch (error) {
      if (!isFailing)
        log.warn({ error: describeError(error) }, 'the service manager can not be told')
      isFailing = true
    } finally {
      waiting -= 1
    }
  }
  return {
    send(message) {
      if (waiting >= waitingMax) return
      waiting += 1
      last = last.then(() => deliver(message))
    },
    sent: () => last,
  }
}

function run(message: Message, env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', message, { env, timeout: sendMs }, (error, _out, said) => {
      if (error === null) resolve()
      else reject(said.trim() === '' ? error : new Error(said.trim(), { cause: error }))
    })
  })
}
