import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { assert, must } from '../../server/model/assert.ts'
import { freePort } from '../support/agent-process.ts'
import { sharedNowMs } from './orders.ts'
import type { Order, Report, Seat, Sighting, View } from './orders.ts'

/**
 * Members of one pool on real sockets, many in each of a few processes. All of them are on one machine: each has an address of its
 * own of the loopback network (127.0.0.0/8, which Linux has whole), so that one port will do.
 */
export class Fleet implements AsyncDisposable {
  readonly seats: readonly Seat[]
  /** All that was told so far, by its kind and then by whom it is of. */
  readonly #sightings = new Map<Sighting['kind'], Map<string, Sighting[]>>()
  readonly #hosts: readonly Host[]
  readonly #onReport = new Set<() => void>()

  /** Starts a process for each number, with so many members. Nobody knows anybody yet. */
  static async start(sizes: readonly number[]): Promise<Fleet> {
    const port = await freePort()
    const network = `127.${20 + Math.floor(Math.random() * 200)}`
    const hosts = sizes.map((size, at) => ({
      child: fork(join(import.meta.dirname, 'host.ts'), { execArgv: [] }),
      seats: Array.from({ length: size }, (_, seat) => ({
        name: `m${at}-${seat}`,
        host: `${network}.${at}.${seat + 1}`,
        port,
      })),
    }))
    const fleet = new Fleet(hosts)
    await Promise.all(
      hosts.map((host) => fleet.#order(host, { kind: 'open', seats: host.seats }, 'opened')),
    )
    return fleet
  }

  private constructor(hosts: readonly Host[]) {
    this.#hosts = hosts
    this.seats = hosts.flatMap(({ seats }) => seats)
    for (const { child } of hosts)
      child.on('message', (report: Report) => {
        if ('by' in report) this.#note(report)
        for (const look of this.#onReport) look()
      })
  }

  get names(): string[] {
    return this.seats.map(({ name }) => name)
  }

  namesIn(host: number): string[] {
    return this.#host(host).seats.map(({ name }) => name)
  }

  /** All join by way of the first three, process beside process. Gives how long it was from then until all saw all. */
  async converge(): Promise<number> {
    const startMs = sharedNowMs()
    const through = this.seats.slice(0, 3).map(({ host, port }) => `${host}:${port}`)
    await Promise.all(
      this.#hosts.map((host) => this.#order(host, { kind: 'join', through }, 'joined')),
    )
    const { length } = this.seats
    const isSeen = (name: string): boolean => this.seen('alive', name).length >= length
    await this.until(() => this.names.every(isSeen), 60_000)
    return Math.max(...this.seen('alive').map(({ atMs }) => atMs)) - startMs
  }

  /** What was seen of that kind, of all or of one, in no certain order. */
  seen(kind: Sighting['kind'], of?: string): readonly Sighting[] {
    const ofKind = this.#sightings.get(kind)
    return of === undefined ? [...(ofKind?.values() ?? [])].flat() : (ofKind?.get(of) ?? [])
  }

  /** Takes members away, without a word. Gives when that was, by name. */
  async end(names: readonly string[]): Promise<Map<string, number>> {
    const ended = await Promise.all(
      this.#hosts.map(async (host) => {
        const own = host.seats.map(({ name }) => name).filter((name) => names.includes(name))
        const report = await this.#order(host, { kind: 'end', names: own }, 'ended')
        return own.map((name): [string, number] => [name, report.atMs])
      }),
    )
    return new Map(ended.flat())
  }

  /** The process stands still. Gives when that was. */
  stop(host: number): number {
    this.#host(host).child.kill('SIGSTOP')
    return sharedNowMs()
  }

  goOn(host: number): void {
    this.#host(host).child.kill('SIGCONT')
  }

  /** What everybody believes, and the longest time since the last look for which a process stood still. */
  async look(): Promise<{ readonly views: readonly View[]; readonly stallMs: number }> {
    const reports = await Promise.all(
      this.#hosts.map((host) => this.#order(host, { kind: 'look' }, 'views')),
    )
    const stallMs = Math.max(...reports.map((report) => report.stallMs))
    return { views: reports.flatMap(({ views }) => views), stallMs }
  }

  /** Until it holds, asked at every report; rejects when it did not in that time. */
  async until(holds: () => boolean, waitMs: number): Promise<void> {
    if (holds()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = setTimeout(() => reject(new Error(`not within ${waitMs} ms`)), waitMs)
    const look = (): void => {
      if (holds()) resolve()
    }
    this.#onReport.add(look)
    try {
      await promise
    } finally {
      clearTimeout(late)
      this.#onReport.delete(look)
    }
  }

  /** Until it and all others are alive to everybody, and nobody is suspected of being otherwise: no verdict is to come any more. */
  async untilTrusted(): Promise<void> {
    for (let tries = 0; tries < trustTriesMax; tries += 1) {
      const { views } = await this.look()
      const { length } = this.seats
      if (views.every(({ alive, suspected }) => alive.length === length && suspected.length === 0))
        return
      await sleep(trustEveryMs)
    }
    throw new Error('somebody is still suspected')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#hosts.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        await exited
      }),
    )
  }

  #note(sighting: Sighting): void {
    const { kind, of } = sighting
    const ofKind = this.#sightings.get(kind) ?? new Map<string, Sighting[]>()
    this.#sightings.set(kind, ofKind)
    const ofOne = ofKind.get(of) ?? []
    ofKind.set(of, ofOne)
    ofOne.push(sighting)
  }

  #host(at: number): Host {
    return must(this.#hosts[at], 'a process of that number')
  }

  /** Each kind of order is given one at a time. */
  async #order<Kind extends Report['kind']>(
    { child }: Host,
    order: Order,
    answer: Kind,
  ): Promise<Extract<Report, { kind: Kind }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Report>()
    const onMessage = (report: Report): void => {
      if (report.kind === answer) resolve(report)
    }
    const onExit = (): void => reject(new Error(`a process ended over ${order.kind}`))
    child.on('message', onMessage)
    child.once('exit', onExit)
    child.send(order)
    try {
      const report = await promise
      assert(isOf(report, answer), 'the answer was looked at')
      return report
    } finally {
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
  }
}

const trustEveryMs = 100
const trustTriesMax = 300

interface Host {
  readonly child: ChildProcess
  readonly seats: readonly Seat[]
}

function isOf<Kind extends Report['kind']>(
  report: Report,
  kind: Kind,
): report is Extract<Report, { kind: Kind }> {
  return report.kind === kind
}
