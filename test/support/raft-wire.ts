import type { Socket } from 'node:net'

import type { Outbound, RaftMessage } from '../../server/raft/core/messages.ts'
import { createTransport, type Transport } from '../../server/raft/transport/transport.ts'
import type { NodeId } from '../../server/raft/types.ts'
import { connectionType } from '../../server/rpc/connection-type.ts'
import { createListener } from '../../server/rpc/listener.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { systemClock, type Clock } from '../../server/runtime/clock.ts'
import { noLog, type Log } from '../../server/runtime/log.ts'
import { noMetrics, type Metrics } from '../../server/runtime/metrics.ts'
import type { Tls } from '../../server/tls/tls.ts'

export interface WireOptions {
  readonly id: NodeId
  readonly clusterId?: string
  readonly bootEpoch?: number
  readonly clock?: Clock
  readonly log?: Log
  readonly metrics?: Metrics
  readonly dial?: (address: string) => string
  readonly tls?: Tls
}

/** One server's end of the wire: a transport behind a real listener on loopback. */
export interface Wire extends AsyncDisposable {
  readonly transport: Transport
  readonly address: string
  readonly port: number
  /** What came in, oldest first. */
  readonly received: { readonly from: NodeId; readonly message: RaftMessage }[]
  readonly unreachable: NodeId[]
}

export async function openWire(options: WireOptions): Promise<Wire> {
  const { id, ...rest } = options
  const transport = createTransport({
    nodeId: id,
    clusterId: 'dc1',
    bootEpoch: 1,
    clock: systemClock,
    chance: seededChance(1),
    log: noLog,
    metrics: noMetrics,
    ...rest,
  })
  const listener = await createListener(
    {
      handlers: { [connectionType.praetorRaft]: (socket: Socket) => transport.accept(socket) },
      port: 0,
      ...(rest.tls === undefined ? {} : { tls: rest.tls }),
    },
    { clock: systemClock, log: noLog, metrics: noMetrics },
  )
  const received: Wire['received'] = []
  const unreachable: NodeId[] = []
  transport.onMessage((from, message) => received.push({ from, message }))
  transport.onUnreachable((to) => unreachable.push(to))
  const { port } = listener.address
  return {
    transport,
    port,
    address: `127.0.0.1:${port}`,
    received,
    unreachable,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      await listener[Symbol.asyncDispose]()
    },
  }
}

/** Waits until it is so; the test's own limit is the longest it may take. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

export const timeoutNow = (to: NodeId, term: number): Outbound => ({
  to,
  message: { kind: 'timeoutNow', term },
})

export function appendOf(to: NodeId, term: number, sizeBytes: number): Outbound {
  const payload = new Uint8Array(sizeBytes).fill(term & 0xff)
  const entries = [{ term, index: term + 1, kind: 'command', payload } as const]
  const previous = { term, index: term }
  return { to, message: { kind: 'append', term, previous, entries, commit: 0 } }
}
