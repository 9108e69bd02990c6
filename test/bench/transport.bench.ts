import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Outbound } from '../../server/raft/core/messages.ts'
import { createRaft, type Raft } from '../../server/raft/driver.ts'
import { nodeDisk } from '../../server/raft/storage/node-disk.ts'
import { openSnapshots } from '../../server/raft/storage/snapshots.ts'
import { openWal } from '../../server/raft/storage/wal.ts'
import { createTransport, type Transport } from '../../server/raft/transport/transport.ts'
import { emptyMembership, origin } from '../../server/raft/types.ts'
import { connectionType } from '../../server/rpc/connection-type.ts'
import { createListener } from '../../server/rpc/listener.ts'
import { systemChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'

/**
 * What the wire costs, and what three servers do with it: `node test/bench/transport.bench.ts [DIRECTORY]`. First appends of one
 * 256-byte entry, answered one by one, over the transport and over a bare socket that does no more than count; each between two
 * processes, with so many under way. Then proposals of 200 bytes through three processes with their logs on disk.
 */
const durationMs = 2000
const world = { clock: systemClock, chance: systemChance, log: noLog, metrics: noMetrics }

function exitOn(error: Error): void {
  console.error(error)
  process.exit(1)
}

interface Rate {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicros: number
}

/** Counts what comes to an end until the time is over. */
class Meter {
  readonly #beganMs = performance.now()
  readonly #cpu = process.cpuUsage()
  readonly #latencies: number[] = []

  get isOver(): boolean {
    return performance.now() - this.#beganMs > durationMs
  }

  note(tookMs: number): void {
    this.#latencies.push(tookMs)
  }

  rate(): Rate {
    const { system, user } = process.cpuUsage(this.#cpu)
    const sorted = this.#latencies.toSorted((left, right) => left - right)
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
    return {
      perSecond: (sorted.length * 1000) / (performance.now() - this.#beganMs),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuMicros: (user + system) / sorted.length,
    }
  }
}

function show(name: string, { cpuMicros, p50Ms, p99Ms, perSecond }: Rate, bare?: Rate): void {
  const ratio =
    bare === undefined ? '' : `   x${(perSecond / bare.perSecond).toFixed(2)} of the bare socket`
  const rate = String(Math.round(perSecond)).padStart(9)
  console.log(
    `  ${name.padEnd(28)}${rate}/s   p50 ${p50Ms.toFixed(3)} ms   p99 ${p99Ms.toFixed(3)} ms   ${cpuMicros.toFixed(1)} µs CPU${ratio}`,
  )
}

/** A server's end: the transport behind its listener. */
async function openEnd(id: string): Promise<{ transport: Transport; address: string }> {
  const transport = createTransport({ nodeId: id, clusterId: 'bench', bootEpoch: 1, ...world })
  const handlers = { [connectionType.praetorRaft]: (socket: Socket) => transport.accept(socket) }
  const { address } = await createListener({ handlers, port: 0 }, world)
  return { transport, address: `${address.host}:${address.port}` }
}

// What the other processes do. Each tells its address, and hears those of all.

async function echo(): Promise<void> {
  const { address, transport } = await openEnd('b')
  let answers: Outbound[] = []
  transport.onMessage((to, message) => {
    if (message.kind !== 'append') return
    const index = message.previous.index + message.entries.length
    if (answers.length === 0)
      setImmediate(() => {
        transport.send(answers)
        answers = []
      })
    answers.push({
      to,
      message: { kind: 'appendResponse', term: 1, accepted: true, index, hint: origin },
    })
  })
  process.send?.(address)
  process.on('message', (addresses: Record<string, string>) => transport.setPeers(addresses))
}

async function bareEcho(): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    let left = 0
    socket.on('data', (chunk) => {
      left += chunk.length
      const count = Math.floor(left / bareBytes)
      left -= count * bareBytes
      if (count > 0) socket.write(Buffer.alloc(count * answerBytes))
    })
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}

async function serve(id: string, directory: string): Promise<void> {
  const { address, transport } = await openEnd(id)
  process.send?.(address)
  process.on('message', (addresses: Record<string, string>) => {
    startRaft(id, directory, transport, addresses)
      .then((raft) => raft.onLeadership((leads) => leads && raft.transferLeadership('a')))
      .catch(exitOn)
  })
}

async function startRaft(
  id: string,
  directory: string,
  transport: Transport,
  addresses: Record<string, string>,
): Promise<Raft<number>> {
  let sum = 0
  const place = join(directory, id)
  await nodeDisk.makeDirectory(place)
  const raft = await createRaft<number>({
    ...world,
    id,
    bootstrap: { ...emptyMembership, voters: Object.keys(addresses), addresses },
    logStore: await openWal({
      ...world,
      disk: nodeDisk,
      directory: join(place, 'wal'),
      clusterId: 'bench',
      nodeId: id,
      fatal: exitOn,
    }),
    snapshots: await openSnapshots({
      disk: nodeDisk,
      directory: join(place, 'snapshots'),
      log: noLog,
    }),
    stateMachine: {
      apply: (entries) => entries.map((entry) => (sum += entry.payload.length)),
      snapshot: () => [Buffer.from(String(sum))],
      async restore(chunks) {
        for await (const chunk of chunks) sum = Number(Buffer.from(chunk).toString())
      },
    },
    fatal: exitOn,
    send: (messages) => transport.send(messages),
    onMembership: (membership) => transport.setPeers(membership.addresses),
  })
  transport.onMessage((from, message) => raft.receive(from, message))
  transport.onUnreachable((to) => raft.unreachable(to))
  return raft
}

// What this process does with them.

const entryBytes = 256
const answerBytes = 38
/** An append of one such entry as the transport writes it. */
const bareBytes = 5 + 36 + 13 + entryBytes

async function begin(
  ...role: readonly string[]
): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(import.meta.filename, role)
  const address = await new Promise<string>((resolve) => child.once('message', resolve))
  return { child, address }
}

function appends(transport: Transport, window: number, entriesEach: number): Promise<Rate> {
  const payload = new Uint8Array(entryBytes).fill(0x61)
  const meter = new Meter()
  const sentMs: number[] = []
  let index = 0
  let due = 0
  const send = (): void => {
    const nowMs = performance.now()
    const messages: Outbound[] = []
    for (; due > 0; due -= 1) {
      const previous = { term: 1, index }
      const entries = Array.from({ length: entriesEach }, (_, at) => {
        return { term: 1, index: previous.index + 1 + at, kind: 'command', payload } as const
      })
      index += entriesEach
      sentMs.push(nowMs)
      messages.push({ to: 'b', message: { kind: 'append', term: 1, previous, entries, commit: 0 } })
    }
    transport.send(messages)
  }
  return new Promise((resolve) => {
    let answered = 0
    transport.onMessage(() => {
      meter.note(performance.now() - (sentMs[answered] ?? 0))
      answered += 1
      if (meter.isOver) {
        if (due === 0 && answered === sentMs.length) resolve(meter.rate())
        return
      }
      if (due === 0) setImmediate(send)
      due += 1
    })
    due = window
    send()
  })
}

function bareFrames(socket: Socket, window: number): Promise<Rate> {
  const meter = new Meter()
  const frames = Buffer.alloc(window * bareBytes, 0x61)
  const sentMs: number[] = []
  let answered = 0
  const send = (count: number): void => {
    const nowMs = performance.now()
    for (let each = 0; each < count; each += 1) sentMs.push(nowMs)
    socket.write(Buffer.from(frames.subarray(0, count * bareBytes)))
  }
  return new Promise((resolve) => {
    let left = 0
    const take = (chunk: Buffer): void => {
      left += chunk.length
      const count = Math.floor(left / answerBytes)
      left -= count * answerBytes
      const nowMs = performance.now()
      for (let each = 0; each < count; each += 1) meter.note(nowMs - (sentMs[answered + each] ?? 0))
      answered += count
      if (!meter.isOver) send(count)
      else if (answered === sentMs.length) {
        socket.off('data', take)
        resolve(meter.rate())
      }
    }
    socket.on('data', take)
    send(window)
  })
}

async function benchWire(): Promise<void> {
  const bare = await begin('bare')
  const far = await begin('echo')
  const [host = '', port] = bare.address.split(':')
  const socket = connect(Number(port), host)
  socket.setNoDelay(true)
  const { address, transport } = await openEnd('a')
  far.child.send({ a: address, b: far.address })
  transport.setPeers({ b: far.address })
  while (transport.stats()['b']?.connected !== true) await new Promise(setImmediate)
  await bareFrames(socket, 64)
  await appends(transport, 64, 1)
  console.log('appends of one entry of 256 bytes, each answered')
  for (const window of [1, 64, 512]) {
    const raw = await bareFrames(socket, window)
    show(`bare socket, ${window} under way`, raw)
    show(`transport, ${window} under way`, await appends(transport, window, 1), raw)
  }
  show('64 entries each, 8 under way', await appends(transport, 8, 64))
  for (const { child } of [bare, far]) child.kill()
  socket.destroy()
  await transport[Symbol.asyncDispose]()
}

async function propose(raft: Raft<number>, inFlight: number): Promise<Rate> {
  const payload = new Uint8Array(200).fill(0x61)
  const meter = new Meter()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (!meter.isOver) {
        const beganMs = performance.now()
        await raft.propose(payload)
        meter.note(performance.now() - beganMs)
      }
    }),
  )
  return meter.rate()
}

async function benchThree(directory: string): Promise<void> {
  const followers = [await begin('serve', 'b', directory), await begin('serve', 'c', directory)]
  const [b, c] = followers
  const { address, transport } = await openEnd('a')
  const addresses = { a: address, b: b?.address ?? '', c: c?.address ?? '' }
  const raft = await startRaft('a', directory, transport, addresses)
  for (const { child } of followers) child.send(addresses)
  while (!raft.isLeader()) await new Promise((resolve) => setTimeout(resolve, 10))
  console.log('proposals of 200 bytes through three processes, on disk')
  await propose(raft, 64)
  for (const inFlight of [1, 8, 64, 256])
    show(`${inFlight} in flight`, await propose(raft, inFlight))
  await raft[Symbol.asyncDispose]()
  await transport[Symbol.asyncDispose]()
  for (const { child } of followers) child.kill()
}

async function run(directory: string): Promise<void> {
  const place = await mkdtemp(join(directory, 'transport-bench-'))
  await benchWire()
  await benchThree(place)
  await rm(place, { recursive: true })
  process.exit(0)
}

const [role = tmpdir(), id = '', directory = ''] = process.argv.slice(2)
if (role === 'echo') await echo()
else if (role === 'bare') await bareEcho()
else if (role === 'serve') await serve(id, directory)
else await run(role)
