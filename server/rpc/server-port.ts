import type { Duplex } from 'node:stream'

import { Answerer } from './answerer.ts'
import type { AnswererLimits, CallHandler } from './answerer.ts'
import { connectionType } from './connection-type.ts'
import { createListener } from './listener.ts'
import type { Listener, ListenerConfig, ListenerWorld } from './listener.ts'
import { answerSnapshot } from './snapshot-stream.ts'
import type { Snapshots } from './snapshot-stream.ts'
import { YamuxConnection } from './yamux/connection.ts'

export interface ServerPortConfig extends Omit<ListenerConfig, 'handlers'> {
  /** Carries out calls (rpc-service.ts). */
  readonly handle: CallHandler
  readonly snapshots?: Snapshots
  /** What else is spoken here: Raft's connections, first of all. */
  readonly handlers?: ListenerConfig['handlers']
  readonly answererLimits?: AnswererLimits
}

/** Opens the server port: calls, one connection or a stream of it each, and what else is to be had there. */
export function openServerPort(config: ServerPortConfig, world: ListenerWorld): Promise<Listener> {
  const { handle, handlers, snapshots, answererLimits: limits, ...listening } = config
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
        ...(snapshots === undefined
          ? {}
          : { [connectionType.snapshot]: (socket) => void answerSnapshot(socket, snapshots) }),
        ...handlers,
      },
      halfOpen: [connectionType.snapshot],
    },
    world,
  )
}
