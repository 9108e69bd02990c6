import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

import { describeError, PraetorError } from '../model/errors.ts'
import { hostPort } from '../model/host-port.ts'
import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { decodeMsgpack, encodeMsgpack } from '../wire/msgpack.ts'
import type { Pool } from './pool.ts'
import { Roster } from './roster.ts'
import type { Card } from './roster.ts'

export interface StaticPoolOptions {
  /** This node, with the address that others reach it at. */
  readonly self: Member
  readonly bindAddress: string
  readonly clock: Clock
  readonly log: Log
  /** Where to connect for an address: a fault proxy in tests, the address itself otherwise. */
  readonly dial?: (address: string) => string
}

const probeIntervalMs = 500
const answerWaitMs = 1_000
const defaultPort = 8301
const frameMaxBytes = 1 << 20

/**
 * A small pool in which everybody asks everybody, over TCP: enough for a handful of servers that are told each other's addresses.
 * An exchange is one connection: each side sends all the cards it has, its own first, and reads the other's. Gossip takes its
 * place behind the same port.
 */
export async function openStaticPool(options: StaticPoolOptions): Promise<Pool> {
  const pool = new StaticPool(options)
  await pool.listen()
  return pool
}

class StaticPool implements Pool {
  readonly #options: StaticPoolOptions
  readonly #roster = new Roster()
  readonly #listeners = new Set<() => void>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #own: Card
  #probing: Timer | undefined
  #closed = false

  constructor(options: StaticPoolOptions) {
    this.#options = options
    this.#own = { member: options.self, version: options.clock.wallMs() }
    this.#roster.note(this.#own, true, options.clock.monotonicMs())
    this.#server = createServer((socket) => void this.#answer(socket))
  }

  async listen(): Promise<void> {
    const { self, bindAddress } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(self.Port, bindAddress, resolve)
    })
    this.#scheduleProbe()
  }

  members(): readonly Member[] {
    return this.#roster.members()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  setTags(tags: Readonly<Record<string, string>>): void {
    // In the order of their names, as Go prints a map: whoever compares two listings counts on it.
    const Tags = Object.fromEntries(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    this.#renew({ ...this.#own.member, Tags })
    this.#probe()
  }

  async join(addresses: readonly string[]): Promise<number> {
    const outcomes = await Promise.allSettled(
      addresses.map((address) => this.#exchange(withPort(address))),
    )
    const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
    if (answered > 0 || addresses.length === 0) return answered
    const lines = outcomes.map(
      (outcome, at) =>
        `\t* ${whyNot(addresses[at] ?? '', 'reason' in outcome ? outcome.reason : '')}\n`,
    )
    const count = lines.length === 1 ? '1 error' : `${lines.length} errors`
    throw new PraetorError('failed', `${count} occurred:\n${lines.join('')}\n`)
  }

  async leave(): Promise<void> {
    this.#renew({ ...this.#own.member, Status: memberStatus.left })
    await Promise.allSettled(this.#others().map((address) => this.#exchange(address)))
  }

  forceLeave(name: string): boolean {
    const known = this.#roster.forceLeave(name)
    if (known) this.#tell()
    return known
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#probing?.cancel()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }

  #renew(member: Member): void {
    const { clock } = this.#options
    this.#own = { member, version: Math.max(clock.wallMs(), this.#own.version + 1) }
    this.#roster.note(this.#own, true, clock.monotonicMs())
    this.#tell()
  }

  #scheduleProbe(): void {
    if (this.#closed) return
    this.#probing = this.#options.clock.after(probeIntervalMs, () => {
      this.#probe()
      if (this.#roster.judge(this.#own.member.Name, this.#options.clock.monotonicMs())) this.#tell()
      this.#scheduleProbe()
    })
  }

  /** Asks everyone else, without waiting: who doesn't answer is silent, and that is all there is to know. */
  #probe(): void {
    for (const address of this.#others()) this.#exchange(address).catch(() => undefined)
  }

  #others(): string[] {
    return this.#roster
      .members()
      .filter(({ Name, Status }) => Name !== this.#own.member.Name && Status !== memberStatus.left)
      .map(({ Addr, Port }) => hostPort(Addr, Port))
  }

  /** Our cards for theirs. */
  async #exchange(address: string): Promise<void> {
    const target = (this.#options.dial ?? ((same) => same))(address)
    const { host, port } = split(target)
    const socket = connect({ host, port })
    this.#hold(socket)
    try {
      await connected(socket, target)
      this.#send(socket)
      this.#noteAll(await receive(socket))
    } finally {
      socket.destroy()
    }
  }

  async #answer(socket: Socket): Promise<void> {
    this.#hold(socket)
    try {
      const cards = await receive(socket)
      this.#noteAll(cards)
      this.#send(socket)
      socket.end()
    } catch (error) {
      this.#options.log.debug({ error: describeError(error) }, 'a pool exchange failed')
      socket.destroy()
    }
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // What goes wrong is seen where the socket is read.
    socket.on('error', () => undefined)
    socket.setTimeout(answerWaitMs, () => socket.destroy(new Error('i/o timeout')))
  }

  #send(socket: Socket): void {
    const others = this.#roster
      .cards()
      .filter(({ member }) => member.Name !== this.#own.member.Name)
    const body = encodeMsgpack([this.#own, ...others])
    const frame = Buffer.allocUnsafe(4 + body.length)
    frame.writeUInt32BE(body.length)
    frame.set(body, 4)
    socket.write(frame)
  }

  /** The first card is its sender's own; the rest is hearsay. Our own card comes back to us too, and says nothing new. */
  #noteAll(cards: readonly Card[]): void {
    const nowMs = this.#options.clock.monotonicMs()
    let news = false
    for (const [at, card] of cards.entries())
      if (card.member.Name !== this.#own.member.Name)
        news = this.#roster.note(card, at === 0, nowMs) || news
    if (news) this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** In the words of Consul, which looks a name up before it dials. */
function whyNot(address: string, reason: unknown): string {
  const host = hostOf(address)
  return host === '' || (reason as { code?: string }).code === 'ENOTFOUND'
    ? `Failed to resolve ${host}: lookup ${host}: no such host`
    : `Failed to join ${host}: ${describeError(reason)}`
}

function connected(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ECONNREFUSED'
          ? new Error(`dial tcp ${address}: connect: connection refused`)
          : error,
      ),
    )
    socket.once('close', () => reject(new Error(`dial tcp ${address}: i/o timeout`)))
  })
}

/** One frame: four bytes of length, then cards. Rejects where it doesn't come whole. */
async function receive(socket: Socket): Promise<readonly Card[]> {
  let got = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    got = Buffer.concat([got, chunk as Buffer])
    if (got.length < 4) continue
    const sizeBytes = got.readUInt32BE()
    if (sizeBytes > frameMaxBytes) throw new Error(`a frame of ${sizeBytes} bytes`)
    if (got.length >= 4 + sizeBytes) return asCards(decodeMsgpack(got.subarray(4, 4 + sizeBytes)))
  }
  throw new Error('unexpected EOF')
}

function asCards(value: unknown): readonly Card[] {
  if (!Array.isArray(value) || !value.every(isCard)) throw new Error('a frame that holds no cards')
  return value
}

function isCard(value: unknown): value is Card {
  const { member, version } = (value ?? {}) as Partial<Card>
  return (
    typeof version === 'number' &&
    typeof member?.Name === 'string' &&
    typeof member.Addr === 'string' &&
    typeof member.Port === 'number' &&
    typeof member.Tags === 'object'
  )
}

function split(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address)
  return {
    host: match?.[1] ?? match?.[2] ?? address.replace(/:\d*$/, ''),
    port: Number(match?.[3] ?? defaultPort),
  }
}

function withPort(address: string): string {
  return /:\d+$/.test(address) ? address : `${address}:${defaultPort}`
}

function hostOf(address: string): string {
  return split(withPort(address)).host
}
