import type { Duplex } from 'node:stream'

import { Answerer } from './answerer.ts'
import type { AnswererLimits, CallHandler } from './answerer.ts'
import { connectionType } from './connection-type.ts'
import { createListener } from './listener.ts'
import type { Listener, ListenerConfig, ListenerWorld } from './listener.ts'
import { YamuxConnection } from './yamux/connection.ts'

export interface ServerPortConfig extends Omit<ListenerConfig, 'handlers'> {
  /** Carries out calls (rpc-service.ts). */
  readonly handle: CallHandler
  /** What else is spoken here: Raft's connections, first of all. */
  readonly handlers?: ListenerConfig['handlers']
  readonly answererLimits?: AnswererLimits
}

/** Opens the server port: calls, one connection or a stream of it each, and what else is to be had there. */
export function openServerPort(config: ServerPortConfig, world: ListenerWorld): Promise<Listener> {
  const { handle, handlers, answererLimits: limits, ...listening } = config
  const { clock, log, metrics } = world
  const answer = (transport: Duplex): Answerer =>
    new Answerer(transport, { handle, log, metrics, ...(limits ? { limits } : {}) })
  return createListener(
    {
      ...listening,
      handlers: {
        [connectionType.consul]: answer,
        [connectionType.multiplexV2]: (socket) =>
          new YamuxConnection(socket, { role: 'server', clock, onStream: answer }),
        ...handlers,
      },
    },
    world,
  )
}
