import { fork } from 'node:child_process'
import { connect } from 'node:net'

import type { ReadReply, Rpc } from '../../server/model/methods.ts'
import { Caller } from '../../server/rpc/caller.ts'
import { connectionType } from '../../server/rpc/connection-type.ts'
import { ForwardingRpc } from '../../server/rpc/forwarding-rpc.ts'
import { Pool } from '../../server/rpc/pool.ts'
import { RemoteRpc } from '../../server/rpc/remote-rpc.ts'
import { createRpcService } from '../../server/rpc/rpc-service.ts'
import { openServerPort } from '../../server/rpc/server-port.ts'
import { YamuxConnection } from '../../server/rpc/yamux/connection.ts'
import { systemChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'

/**
 * Forwarded writes a second, between two processes on this machine: `node test/bench/rpc.bench.ts`. The leader does nothing but
 * answer, so what is measured is the hop. The other rows are what was weighed against it: the same calls on one yamux stream,
 * and with a stream for each as a Consul needs it.
 */
const durationMs = 2_000
const value = new Uint8Array(128).fill(0x61)

const leader: Rpc = {
  read: async () => ({ value: undefined }) as ReadReply<never>,
  write: () => Promise.resolve<never>(true as never),
}

if (process.argv[2] === 'leader') await serve()
else await measureAll()

async function serve(): Promise<void> {
  const handle = createRpcService({ rpc: leader, local: leader, isLeader: () => true })
  const listener = await openServerPort(
    { port: 0, handle },
    { clock: systemClock, log: noLog, metrics: noMetrics },
  )
  process.send?.(listener.address.port)
  process.once('disconnect', () => process.exit())
}

async function measureAll(): Promise<void> {
  const child = fork(import.meta.filename, ['leader'])
  const port = await new Promise<number>((resolve) => child.once('message', resolve))
  const address = `127.0.0.1:${port}`
  const clock = systemClock
  await using pool = new Pool({ clock, log: noLog })
  const forwarding = new ForwardingRpc({
    local: leader,
    isLeader: () => false,
    leaderAddress: () => address,
    calls: pool,
    clock,
    chance: systemChance,
    metrics: noMetrics,
    datacenter: 'dc1',
    holdMs: 7_000,
    origin: { origin: systemChance.uuid(), epoch: systemChance.uuid() },
    leadersHeedIds: true,
  })
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(Uint8Array.of(connectionType.multiplexV2))
  const yamux = new YamuxConnection(socket, { role: 'client', clock, onStream: () => undefined })
  const stream = yamux.open()
  if (stream === undefined) throw new Error('no stream')
  const caller = new Caller(stream, { clock, concurrent: true })
  const shapes = { target: { address, speaks: 'praetor' }, datacenter: 'dc1' } as const
  const calls = {
    call: (_target: unknown, ...rest: Parameters<Caller['call']>) => caller.call(...rest),
  }
  const rows: readonly (readonly [string, Rpc])[] = [
    ['one connection', forwarding],
    ['one yamux stream', new RemoteRpc({ ...shapes, calls })],
    [
      'a yamux stream each',
      new RemoteRpc({ calls: pool, target: { address, speaks: 'consul' }, datacenter: 'dc1' }),
    ],
  ]
  for (const clients of [1, 64, 512])
    for (const [name, rpc] of rows) {
      await measure(rpc, clients, durationMs / 4)
      console.log(`${clients} clients, ${name}: ${await measure(rpc, clients, durationMs)}`)
    }
  yamux.destroy()
  child.disconnect()
}

async function measure(rpc: Rpc, clients: number, forMs: number): Promise<string> {
  const latencies: number[] = []
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  const client = async (name: number): Promise<void> => {
    while (performance.now() - startMs < forMs) {
      const askedMs = performance.now()
      const Key = `bench/${name}/${latencies.length % 1000}`
      await rpc.write('KVS.Apply', { Op: 'set', DirEnt: { Key, Flags: 0, Value: value } })
      latencies.push(performance.now() - askedMs)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, name) => client(name)))
  const elapsedMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  const at = (part: number): string =>
    `${(1000 * (latencies[Math.floor(part * latencies.length)] ?? 0)).toFixed(0)} µs`
  const rate = ((1000 * latencies.length) / elapsedMs).toFixed(0)
  const perCall = ((user + system) / latencies.length).toFixed(1)
  return `${rate}/s, p50 ${at(0.5)}, p99 ${at(0.99)}, ${perCall} µs CPU of the caller each`
}
