/**
 * Our pool with real agents of Serf and Consul in it: `npm run test:serf`. They join each other, in the clear and under a key, in
 * one data centre and between several; what one of them tells, asks, or suffers must be what all the others hear and see.
 *
 *     --consul COMMAND    the Consul (default: $CONSUL, else `consul` on the PATH)
 *     --serf COMMAND      the Serf (default: $SERF, else `serf` on the PATH)
 *     --port N            the first of a hundred ports (default 38300)
 *     --only CHAPTER      one chapter alone
 *
 * Exits with 1 if anything is not as it should be.
 */
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { systemChance } from '../../server/runtime/chance.ts'
import { converse, meet } from './serf/acquaintance.ts'
import { changeIds, crashAndMove, end, forceOut, leaveAndMove } from './serf/changes.ts'
import { Checks } from './serf/check.ts'
import type { Expect } from './serf/check.ts'
import { findNoKeys, rotateKeys } from './serf/key-rotation.ts'
import { MixedPool } from './serf/mixed-pool.ts'
import { portsFrom } from './serf/ports.ts'
import { meetServers } from './serf/wan-chapter.ts'
import type { Key, World } from './serf/world.ts'

const { values: options } = parseArgs({
  options: {
    consul: { type: 'string', default: process.env['CONSUL'] ?? 'consul' },
    serf: { type: 'string', default: process.env['SERF'] ?? 'serf' },
    port: { type: 'string', default: '38300' },
    only: { type: 'string', default: '' },
  },
})

/** Every wait has its end; this is that of their sum. */
const runMaxMs = 15 * 60_000

/** A data centre. */
async function pool(world: World, key: Key, expect: Expect): Promise<void> {
  await using mixed = new MixedPool(world, key)
  await mixed.start()
  await meet(mixed, expect)
  await converse(mixed, expect)
  if (key === undefined) await findNoKeys(mixed, expect)
  else mixed.key = await rotateKeys(mixed, expect, key)
  await crashAndMove(mixed, expect)
  await leaveAndMove(mixed, expect)
  await changeIds(mixed, expect)
  await forceOut(mixed, expect)
  await end(mixed, expect)
}

type Chapter = (world: World, expect: Expect) => Promise<void>

const chapters: Readonly<Record<string, Chapter>> = {
  'in the clear': (world, expect) => pool(world, undefined, expect),
  'under a key': (world, expect) => pool(world, systemChance.bytes(32), expect),
  'between data centres': (world, expect) => meetServers(world, systemChance.bytes(16), expect),
}

const portsEach = 42

async function run(directory: string): Promise<Checks> {
  const checks = new Checks()
  const { consul, serf, only } = options
  const chosen = Object.entries(chapters).filter(([name]) => name.includes(only))
  await Promise.all(
    chosen.map(async ([name, chapter], at) => {
      const own = join(directory, String(at))
      await mkdir(own)
      const world = {
        consul,
        serf,
        directory: own,
        nextPort: portsFrom(Number(options.port) + at * portsEach),
      }
      await checks.run(name, (expect) => chapter(world, expect))
    }),
  )
  return checks
}

// Each program that is started listens for the end of this process.
process.setMaxListeners(100)
// What was started ends with this process: it must be this one that ends itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const overdue = setTimeout(() => {
  console.log('it takes too long')
  process.exit(1)
}, runMaxMs)
const beganMs = performance.now()
const directory = await mkdtemp(join(tmpdir(), 'praetor-serf-'))
const checks = await run(directory)
if (checks.failures === 0) await rm(directory, { recursive: true })
else console.log(`what the programs printed is in ${directory}`)
clearTimeout(overdue)
const seconds = Math.round((performance.now() - beganMs) / 1000)
console.log(`${checks.count} checks, ${checks.failures} failed, in ${seconds} s`)
process.exitCode = checks.failures === 0 ? 0 : 1
