import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'

import { Keyring } from '../../../server/gossip/wire/keyring.ts'
import { Nonces } from '../../../server/gossip/wire/nonces.ts'
import { openPacket } from '../../../server/gossip/wire/packet.ts'
import { type Protection, unprotected } from '../../../server/gossip/wire/protection.ts'
import { Refused } from '../../../server/gossip/wire/refusal.ts'
import { decodeSerfMessage } from '../../../server/gossip/wire/serf-codec.ts'

/**
 * Makes the golden files beside it: what real agents of Serf and Consul say to each other, datagram by datagram and stream by stream.
 *
 *   node test/golden/gossip/capture.ts --serf PATH --consul PATH [--port 36000]
 *
 * Every agent listens on 127.0.0.1 and tells the others that it is at 127.0.0.2, where a relay of ours listens at the same port and
 * writes down what passes. So nothing needs to be sniffed, and a relay can fall silent to have an agent suspected. Loopback only;
 * four minutes.
 *
 * A line is `udp FROM TO HEX`, or `tcp FROM TO HEX` for all that went one way on a stream. Of datagrams that say the same kinds of
 * things only the first few are kept.
 */
const { values: given } = parseArgs({
  options: {
    serf: { type: 'string' },
    consul: { type: 'string' },
    port: { type: 'string', default: '36000' },
  },
})

const bindHost = '127.0.0.1'
const relayHost = '127.0.0.2'
const perKind = 3

const run = promisify(execFile)

/** What one scenario wrote down. */
class Recording {
  readonly lines: string[] = []
  readonly #seen = new Map<string, number>()
  readonly #protection: Protection
  readonly names = new Map<number, string>()

  constructor(protection: Protection) {
    this.#protection = protection
  }

  datagram(from: number, to: number, bytes: Uint8Array): void {
    const opened = openPacket(bytes, this.#protection)
    const kinds =
      'refused' in opened
        ? [opened.refused]
        : opened.messages.map((message) =>
            message.kind === 'user' ? describe(message.body) : message.kind,
          )
    const wrapping = this.#protection.encryption === null ? bytes[0] : 'encrypted'
    this.#keep('udp', `${wrapping} ${[...new Set(kinds)].toSorted().join()}`, from, to, bytes)
  }

  stream(from: number, to: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#keep('tcp', `${bytes[0]} ${from} ${to}`, from, to, bytes)
  }

  #keep(channel: string, kind: string, from: number, to: number, bytes: Uint8Array): void {
    const seen = this.#seen.get(kind) ?? 0
    this.#seen.set(kind, seen + 1)
    if (seen >= perKind) return
    const name = (port: number): string => this.names.get(port) ?? '-'
    this.lines.push(`${channel} ${name(from)} ${name(to)} ${Buffer.from(bytes).toString('hex')}`)
  }
}

/** What one of Serf's messages is about, so that each query and each form of answer is kept. */
function describe(body: Uint8Array): string {
  try {
    const message = decodeSerfMessage(body)
    if (message.kind === 'query') return `query ${message.name} ${message.filters.length}`
    return message.kind === 'queryResponse' ? `answer ${message.payload[0]}` : message.kind
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
}

/** Stands before one agent's gossip port. */
class Relay implements AsyncDisposable {
  isMute = false
  readonly #port: number
  readonly #recording: Recording
  readonly #outside: UdpSocket
  readonly #inside = new Map<number, UdpSocket>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(port: number, recording: Recording): Promise<Relay> {
    const outside = createSocket('udp4')
    outside.bind(port, relayHost)
    await once(outside, 'listening')
    const server = createServer()
    server.listen(port, relayHost)
    await once(server, 'listening')
    return new Relay(port, recording, outside, server)
  }

  private constructor(port: number, recording: Recording, outside: UdpSocket, server: Server) {
    this.#port = port
    this.#recording = recording
    this.#outside = outside
    this.#server = server
    outside.on('message', (bytes, { port: from }) => {
      if (this.isMute) return
      recording.datagram(from, port, bytes)
      this.#insideFor(from).send(bytes, port, bindHost)
    })
    server.on('connection', (socket) => this.#connect(socket))
  }

  /** The socket whose answers go to that one. */
  #insideFor(from: number): UdpSocket {
    const known = this.#inside.get(from)
    if (known !== undefined) return known
    const socket = createSocket('udp4')
    this.#inside.set(from, socket)
    socket.bind(0, relayHost)
    socket.on('message', (bytes) => {
      if (this.isMute) return
      this.#recording.datagram(this.#port, from, bytes)
      this.#outside.send(bytes, from, bindHost)
    })
    return socket
  }

  #connect(outer: Socket): void {
    const inner = connect(this.#port, bindHost)
    const heard: Buffer[] = []
    const answered: Buffer[] = []
    outer.on('data', (chunk: Buffer) => heard.push(chunk))
    inner.on('data', (chunk: Buffer) => answered.push(chunk))
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      this.#sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => this.#sockets.delete(socket))
    }
    inner.on('close', () => {
      this.#recording.stream(0, this.#port, Buffer.concat(heard))
      this.#recording.stream(this.#port, 0, Buffer.concat(answered))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const socket of this.#inside.values()) socket.close()
    this.#outside.close()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** A scenario's agents, ended with it. */
class Stage implements AsyncDisposable {
  readonly recording: Recording
  readonly directory: string
  readonly #stack = new AsyncDisposableStack()

  static async set(protection: Protection): Promise<Stage> {
    return new Stage(new Recording(protection), await mkdtemp(join(tmpdir(), 'gossip-')))
  }

  private constructor(recording: Recording, directory: string) {
    this.recording = recording
    this.directory = directory
  }

  async relay(name: string, port: number): Promise<Relay> {
    this.recording.names.set(port, name)
    return this.#stack.use(await Relay.start(port, this.recording))
  }

  start(program: string, flags: readonly string[]): ChildProcess {
    const child = spawn(program, flags, { stdio: ['ignore', 'ignore', 'inherit'] })
    const kill = (): boolean => child.kill('SIGKILL')
    process.once('exit', kill)
    this.#stack.defer(async () => {
      process.off('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      kill()
      await once(child, 'exit')
    })
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
    await rm(this.directory, { recursive: true })
  }
}

const base = Number(given.port)
const firstKey = Buffer.alloc(32, 1)
const secondKey = Buffer.alloc(32, 2)
const shortKey = Buffer.alloc(16, 3)
const laterKeys = [secondKey, shortKey]
const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64')

const encrypted: Protection = {
  label: '',
  encryption: {
    keyring: Keyring.of(firstKey, ...laterKeys),
    nonces: new Nonces((sizeBytes) => Buffer.alloc(sizeBytes)),
    verifyIncoming: true,
    verifyOutgoing: true,
  },
}

function serfAgent(stage: Stage, serf: string, name: string, port: number, more: string[] = []) {
  const flags = [
    'agent',
    `-node=${name}`,
    `-bind=${bindHost}:${port}`,
    `-advertise=${relayHost}:${port}`,
    `-rpc-addr=${bindHost}:${port + 1}`,
    '-profile=local',
    '-log-level=err',
    ...more,
  ]
  return stage.start(serf, flags)
}

async function serfPlain(serf: string): Promise<Recording> {
  await using stage = await Stage.set(unprotected)
  const [a, b, c, d] = [base, base + 10, base + 20, base + 30] as const
  const relays = await Promise.all(
    (['a', 'b', 'c', 'd'] as const).map((name, index) => stage.relay(name, base + 10 * index)),
  )
  const command = async (port: number, name: string, ...flags: string[]): Promise<void> => {
    await run(serf, [name, `-rpc-addr=${bindHost}:${port + 1}`, ...flags]).catch((error: Error) =>
      process.stderr.write(`${error.message}\n`),
    )
  }
  serfAgent(stage, serf, 'a', a, ['-tag', 'role=web', '-tag', 'dc=east'])
  await sleep(1000)
  serfAgent(stage, serf, 'b', b, ['-tag', 'role=db', `-join=${relayHost}:${a}`])
  const third = serfAgent(stage, serf, 'c', c, [`-join=${relayHost}:${a}`])
  await sleep(3000)
  await command(a, 'event', 'deploy', 'version 7')
  await command(b, 'event', '-coalesce=false', 'restart')
  await command(a, 'query', '-timeout=2s', 'load')
  await command(a, 'query', '-timeout=2s', '-relay-factor=2', 'load', 'since noon')
  await command(b, 'query', '-timeout=2s', '-node=a', '-node=c', '-tag', 'role=^w', 'uptime')
  await command(c, 'query', '-timeout=2s', '-no-ack', 'load')
  await command(c, 'tags', '-set', 'zone=1')
  // Somebody who says nothing that a plain agent takes.
  const stranger = connect(a, relayHost)
  stranger.write(Buffer.from('0a00000001', 'hex'))
  await once(stranger, 'data')
  stranger.destroy()
  const [, second] = relays
  if (second !== undefined) second.isMute = true
  await sleep(3000)
  if (second !== undefined) second.isMute = false
  await sleep(20_000)
  // A second b: who is meant is asked of all.
  serfAgent(stage, serf, 'b', d, [`-join=${relayHost}:${a}`])
  await sleep(8000)
  third.kill('SIGKILL')
  await sleep(20_000)
  await command(a, 'force-leave', 'c')
  await sleep(2000)
  await command(a, 'force-leave', '-prune', 'c')
  await sleep(2000)
  await command(b, 'leave')
  await sleep(3000)
  return stage.recording
}

async function serfEncrypted(serf: string): Promise<Recording> {
  await using stage = await Stage.set(encrypted)
  const [a, b] = [base + 40, base + 50] as const
  await stage.relay('a', a)
  await stage.relay('b', b)
  const ring = async (name: string): Promise<string> => {
    const path = join(stage.directory, name)
    await writeFile(path, JSON.stringify([base64(firstKey)]), { mode: 0o600 })
    return `-keyring-file=${path}`
  }
  serfAgent(stage, serf, 'a', a, [await ring('a')])
  await sleep(1000)
  serfAgent(stage, serf, 'b', b, [await ring('b'), `-join=${relayHost}:${a}`])
  await sleep(3000)
  const keysCommand = async (flag: string): Promise<void> => {
    await run(serf, ['keys', `-rpc-addr=${bindHost}:${a + 1}`, flag]).catch((error: Error) =>
      process.stderr.write(`${error.message}\n`),
    )
    await sleep(1000)
  }
  for (const key of laterKeys) {
    await keysCommand(`-install=${base64(key)}`)
    await keysCommand(`-use=${base64(key)}`)
  }
  await keysCommand('-list')
  await keysCommand(`-remove=${base64(shortKey)}`)
  await keysCommand(`-remove=${base64(firstKey)}`)
  // An agent that does not encrypt is told why it may not join.
  const stranger = connect(a, relayHost)
  stranger.write(Buffer.from('0682', 'hex'))
  await once(stranger, 'data')
  stranger.destroy()
  await sleep(16_000)
  return stage.recording
}

async function consulPool(consul: string, protection: Protection): Promise<Recording> {
  await using stage = await Stage.set(protection)
  const first = protection.encryption === null ? base + 60 : base + 80
  const [server, client] = [first, first + 10] as const
  const agent = async (name: string, port: number, ...more: string[]): Promise<void> => {
    await stage.relay(name, port)
    const key = protection.encryption === null ? [] : [`-encrypt=${base64(firstKey)}`]
    stage.start(consul, [
      'agent',
      `-node=${name}`,
      `-data-dir=${join(stage.directory, name)}`,
      `-bind=${bindHost}`,
      `-advertise=${relayHost}`,
      `-serf-lan-port=${port}`,
      `-serf-wan-port=-1`,
      `-server-port=${port + 1}`,
      `-http-port=${port + 2}`,
      '-dns-port=-1',
      '-log-level=err',
      ...key,
      ...more,
    ])
  }
  await agent('server', server, '-server', '-bootstrap')
  await sleep(8000)
  await agent('client', client, `-join=${relayHost}:${server}`)
  await sleep(6000)
  const command = async (port: number, ...flags: string[]): Promise<void> => {
    const [name = '', ...rest] = flags
    await run(consul, [name, `-http-addr=${bindHost}:${port + 2}`, ...rest]).catch((error: Error) =>
      process.stderr.write(`${error.message}\n`),
    )
  }
  await command(server, 'event', '-name=deploy', 'version 7')
  if (protection.encryption !== null) {
    await command(server, 'keyring', `-install=${base64(secondKey)}`)
    await command(server, 'keyring', '-list')
  }
  await sleep(3000)
  await command(client, 'leave')
  await sleep(4000)
  return stage.recording
}

async function save(name: string, about: string, recording: Recording): Promise<void> {
  const path = join(import.meta.dirname, `${name}.txt`)
  await writeFile(path, `# ${about}\n${recording.lines.join('\n')}\n`)
  process.stdout.write(`${name}: ${recording.lines.length} lines\n`)
}

const keysNote = `Keys, in hex: ${[firstKey, ...laterKeys].map((key) => key.toString('hex')).join(' ')}`
if (given.serf !== undefined) {
  const version = (await run(given.serf, ['version'])).stdout.split('\n', 1)[0] ?? ''
  await save('serf', `Serf ${version}.`, await serfPlain(given.serf))
  await save('serf-encrypted', `Serf ${version}. ${keysNote}`, await serfEncrypted(given.serf))
}
if (given.consul !== undefined) {
  const version = (await run(given.consul, ['version'])).stdout.split('\n', 1)[0] ?? ''
  await save('consul', `${version}.`, await consulPool(given.consul, unprotected))
  await save(
    'consul-encrypted',
    `${version}. ${keysNote}`,
    await consulPool(given.consul, encrypted),
  )
}
