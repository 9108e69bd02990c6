import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

import type { Chance } from '../../server/runtime/chance.ts'

/** What one direction of a link does to what passes. */
export interface Weather {
  /** Nothing passes, and nothing is lost: as when packets are dropped and TCP repeats them. */
  readonly held: boolean
  /** For each piece, up to twice this. */
  readonly delayMs: number
  readonly bytesPerSecond: number
  /** For each piece, how likely it is that the connection breaks instead. */
  readonly breakChance: number
}

const fair: Weather = { held: false, delayMs: 0, bytesPerSecond: Infinity, breakChance: 0 }

/** From who dials to who is dialled, and back. */
export type Direction = 'there' | 'back'

/**
 * A TCP connection's way from one process to another, with the weather on it. It can only do what a network does to TCP: bytes
 * come late, or not until it heals, or the connection ends; never changed, out of order, or with a hole.
 */
export class Link implements AsyncDisposable {
  readonly name: string
  readonly #target: number
  readonly #chance: Chance
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #fronts: Record<Direction, Partial<Weather>[]> = { there: [], back: [] }
  readonly #weather: Record<Direction, Weather> = { there: fair, back: fair }
  #changed = Promise.withResolvers<void>()

  private constructor(name: string, target: number, chance: Chance) {
    this.name = name
    this.#target = target
    this.#chance = chance
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  /** Listens on a port of the loopback for a port of the loopback. */
  static async open(name: string, port: number, target: number, chance: Chance): Promise<Link> {
    const link = new Link(name, target, chance)
    link.#server.listen(port, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  /** Whether anything comes through, both ways. */
  get passes(): boolean {
    return !this.#weather.there.held && !this.#weather.back.held
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Adds to what weather there is, so that two faults need not know of each other. Ends when what it returns is called. */
  suffer(direction: Direction, front: Partial<Weather>): () => void {
    this.#turn(direction, [...this.#fronts[direction], front])
    return () =>
      this.#turn(
        direction,
        this.#fronts[direction].filter((other) => other !== front),
      )
  }

  heal(): void {
    this.#turn('there', [])
    this.#turn('back', [])
  }

  /** Breaks every connection there is; new ones may be made. */
  cut(): void {
    for (const connection of this.#connections) connection.break()
  }

  /** Says to one side of every connection that the other will send no more, while the other still listens. */
  halfClose(direction: Direction): void {
    for (const { from, to } of this.#connections) (direction === 'there' ? to : from).end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #accept(from: Socket): void {
    const to = connect({
      port: this.#target,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    })
    const connection = new Connection(from, to)
    this.#connections.add(connection)
    connection.ended.then(
      () => this.#connections.delete(connection),
      () => undefined,
    )
    const flows = [this.#flow(connection, 'there'), this.#flow(connection, 'back')]
    Promise.all(flows).then(
      () => connection.finish(),
      () => connection.break(),
    )
  }

  /** Ends when its source has ended; rejects when the connection broke. */
  async #flow(connection: Connection, direction: Direction): Promise<void> {
    const [source, sink] =
      direction === 'there' ? [connection.from, connection.to] : [connection.to, connection.from]
    // One that was heard to the end may still have to be spoken to.
    for await (const piece of source.iterator({ destroyOnReturn: false })) {
      const bytes = piece as Buffer
      await this.#passage(connection, direction, bytes.length)
      if (!sink.write(bytes)) await Promise.race([once(sink, 'drain'), connection.ended])
    }
    await this.#untilFree(connection, direction)
    sink.end()
  }

  async #passage(connection: Connection, direction: Direction, sizeBytes: number): Promise<void> {
    const { breakChance, bytesPerSecond, delayMs } = this.#weather[direction]
    if (this.#chance.fraction() < breakChance) throw new Error(`${this.name} broke`)
    const ms = delayMs * 2 * this.#chance.fraction() + (sizeBytes / bytesPerSecond) * 1000
    if (ms > 0) await Promise.race([new Promise((pass) => setTimeout(pass, ms)), connection.ended])
    await this.#untilFree(connection, direction)
  }

  async #untilFree(connection: Connection, direction: Direction): Promise<void> {
    while (this.#weather[direction].held && !connection.isOver)
      await Promise.race([this.#changed.promise, connection.ended])
  }

  #turn(direction: Direction, fronts: Partial<Weather>[]): void {
    this.#fronts[direction] = fronts
    this.#weather[direction] = fronts.reduce<Weather>(worse, fair)
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}

function worse(one: Weather, front: Partial<Weather>): Weather {
  const other = { ...fair, ...front }
  return {
    held: one.held || other.held,
    delayMs: one.delayMs + other.delayMs,
    bytesPerSecond: Math.min(one.bytesPerSecond, other.bytesPerSecond),
    breakChance: Math.max(one.breakChance, other.breakChance),
  }
}

class Connection {
  readonly from: Socket
  readonly to: Socket
  readonly ended: Promise<void>
  #end: () => void
  isOver = false

  constructor(from: Socket, to: Socket) {
    this.from = from
    this.to = to
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    // An error ends the flow that reads from the socket; here it only must not be unheard.
    for (const socket of [from, to]) socket.on('error', () => this.break())
  }

  finish(): void {
    this.isOver = true
    this.#end()
  }

  break(): void {
    if (this.isOver) return
    this.finish()
    this.from.destroy()
    this.to.destroy()
  }
}
