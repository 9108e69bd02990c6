import { equal, ok } from 'node:assert/strict'

import t from 'tap'

import type { AppendBatch } from '../../../../server/raft/core/output.ts'
import type { LogStore } from '../../../../server/raft/storage/port.ts'
import { openWal } from '../../../../server/raft/storage/wal.ts'
import type { HardState } from '../../../../server/raft/types.ts'
import { seededChance, type Chance } from '../../../../server/runtime/chance.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { SimulatedDisk, type Loss } from '../../../support/disk.ts'
import { appended, batch, entries, identity, snapshotAt, tiny } from '../../../support/wal.ts'

/**
 * Cuts the power after every single operation of a recorded run, loses what a disk may lose, and opens what is left. The log
 * must open, hold everything that was acknowledged, and nothing that was not appended.
 */
const directory = '/wal'
const losses: readonly Loss[] = ['all', 'none', 'some', 'some', 'garbled']
const seeds = (process.env['SEEDS'] ?? '1').split(',').map(Number)

/** What the log said after each batch, and when its disk was told to keep it and had. */
interface Moment {
  readonly appendedAt: number
  readonly entries: ReadonlyMap<number, number>
  readonly hardState: HardState
  readonly snapshotIndex: number
  readonly lastIndex: number
  durableAt: number
}

function open(disk: SimulatedDisk): Promise<LogStore> {
  const fatal = (error: Error): never => {
    throw error
  }
  const clock = new VirtualClock()
  return openWal({ disk, directory, ...identity, clock, log: noLog, fatal, sizes: tiny })
}

/** A run with everything in it: bursts, rewrites, votes, snapshots of both kinds, compaction, and several segments. */
async function record(disk: SimulatedDisk, chance: Chance): Promise<Moment[]> {
  const moments: Moment[] = [start()]
  const log = await open(disk)
  moments[0] = { ...start(), durableAt: disk.time }
  let waiting: Promise<void>[] = []
  for (let count = 0; count < 120; count += 1) {
    const before = moments.at(-1) as Moment
    const { batch: next, moment } = step(before, chance, disk.time)
    moments.push(moment)
    const done = appended(log, next).then(() => {
      moment.durableAt = disk.time
      return undefined
    })
    waiting.push(done)
    if (chance.fraction() < 0.5) {
      await Promise.all(waiting)
      waiting = []
      if (moment.snapshotIndex > 8 && chance.fraction() < 0.2) log.compact(moment.snapshotIndex - 8)
    }
  }
  await Promise.all(waiting)
  await log[Symbol.asyncDispose]()
  return moments
}

function start(): Moment {
  return {
    appendedAt: 0,
    entries: new Map(),
    hardState: { term: 0, vote: null, commit: 0 },
    snapshotIndex: 0,
    lastIndex: 0,
    durableAt: Infinity,
  }
}

function step(
  before: Moment,
  chance: Chance,
  appendedAt: number,
): { readonly batch: AppendBatch; readonly moment: Moment } {
  const after = { ...before, appendedAt, entries: new Map(before.entries), durableAt: Infinity }
  const dice = chance.fraction()
  const amount = 1 + Math.floor(chance.fraction() * 6)
  let { hardState, lastIndex, snapshotIndex } = before
  let truncateFrom: number | null = null
  let snapshot: number | null = null
  let newState: HardState | null = null
  if (dice < 0.15) {
    newState = { term: hardState.term + 1, vote: dice < 0.07 ? 'b' : null, commit: snapshotIndex }
    truncateFrom = lastIndex - amount + 1 > snapshotIndex ? lastIndex - amount + 1 : null
  } else if (dice < 0.22) snapshot = Math.max(snapshotIndex, lastIndex - amount)
  else if (dice < 0.26) snapshot = lastIndex + amount
  if (newState !== null) hardState = newState
  if (truncateFrom !== null) {
    for (let index = truncateFrom; index <= lastIndex; index += 1) after.entries.delete(index)
    lastIndex = truncateFrom - 1
  }
  if (snapshot !== null) {
    snapshotIndex = snapshot
    if (snapshot > lastIndex) {
      after.entries.clear()
      lastIndex = snapshot
    }
  }
  const more =
    dice < 0.2 ? [] : entries(lastIndex + 1, lastIndex + amount, hardState.term, amount * 30)
  for (const { index, term } of more) after.entries.set(index, term)
  lastIndex += more.length
  return {
    batch: batch({
      hardState: newState,
      truncateFrom,
      snapshot: snapshot === null ? null : snapshotAt(snapshot, hardState.term),
      entries: more,
    }),
    moment: { ...after, hardState, lastIndex, snapshotIndex },
  }
}

/** Whether the log says what it said at that moment, but for what may be compacted. */
function matches(log: LogStore, moment: Moment): boolean {
  const { hardState, snapshot } = log.recovered
  return (
    log.lastIndex() === moment.lastIndex &&
    (snapshot?.index ?? 0) === moment.snapshotIndex &&
    hardState.term === moment.hardState.term &&
    hardState.vote === moment.hardState.vote &&
    log.firstIndex() <= moment.snapshotIndex + 1 &&
    all(log).every(({ index, payload, term }) => {
      const label = new TextDecoder().decode(payload).replace(/\.+$/, '')
      return moment.entries.get(index) === term && label === `${term}-${index}`
    })
  )
}

function all(log: LogStore): ReturnType<LogStore['entries']> {
  const [first, last] = [log.firstIndex(), log.lastIndex()]
  const found: ReturnType<LogStore['entries']>[number][] = []
  while (first + found.length <= last)
    found.push(...log.entries(first + found.length, last, Infinity))
  return found
}

for (const seed of seeds)
  t.test(`a crash anywhere loses nothing that was acknowledged (seed ${seed})`, async (t) => {
    const chance = seededChance(seed)
    const disk = new SimulatedDisk()
    const moments = await record(disk, chance)
    ok(
      Number.parseInt(
        disk
          .paths()
          .findLast((path) => path.endsWith('.wal'))
          ?.slice(-14) ?? '',
        10,
      ) > 2,
      'over several segments',
    )
    let crashes = 0
    for (let time = 0; time <= disk.time; time += 1)
      for (const loss of losses) {
        const acknowledged = moments.findLastIndex(({ durableAt }) => durableAt <= time)
        const possible = moments.filter(
          ({ appendedAt }, position) => position >= acknowledged && appendedAt <= time,
        )
        const left = disk.crashed(time, loss, chance)
        const what = `seed ${seed}, power cut after operation ${time}, losing ${loss}`
        const log = await open(left).catch((error: unknown) => {
          throw new Error(what, { cause: error })
        })
        ok(
          possible.some((moment) => matches(log, moment)),
          `${what}: ${log.firstIndex()}..${log.lastIndex()} is no state it may be in`,
        )
        const next = log.lastIndex() + 1
        const term = log.recovered.hardState.term
        await appended(log, batch({ entries: entries(next, next, term) }))
        await log[Symbol.asyncDispose]()
        const again = await open(left.reopened())
        equal(again.lastIndex(), next, `${what}: it goes on`)
        await again[Symbol.asyncDispose]()
        crashes += 1
      }
    t.comment(`${crashes} crashes`)
    t.ok(crashes > 1000)
  })
