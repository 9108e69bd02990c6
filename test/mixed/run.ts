/**
 * Fleets of both kinds, so that a host may go from one to the other with no flag day: `npm run test:mixed`. Clients of the real Consul
 * before servers of ours, and ours before servers of Consul; each has to see and to do what a client of the servers' own kind
 * does.
 *
 *     --consul COMMAND    the Consul (default: $CONSUL, else `consul` on the PATH)
 *     --port N            the first of a hundred ports (default 16000)
 *     --only TEXT         fleets whose name has that in it
 *
 * Exits with 1 if anything is not as it should be.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { Checks } from '../conformance/serf/check.ts'
import { portsFrom } from '../conformance/serf/ports.ts'
import type { Kind } from './agent.ts'
import { chapters } from './chapters.ts'
import { Fleet } from './fleet.ts'

const { values: options } = parseArgs({
  options: {
    consul: { type: 'string', default: process.env['CONSUL'] ?? 'consul' },
    port: { type: 'string', default: '16000' },
    only: { type: 'string', default: '' },
  },
})

/** Every wait has its end; this is that of their sum. */
const runMaxMs = 15 * 60_000
const portsEach = 50

const consul: Kind = { label: 'Consul', command: [options.consul] }
const praetor: Kind = {
  label: 'Praetor',
  command: [process.execPath, join(import.meta.dirname, '../../agent/main.ts')],
}
const fleets = [
  { servers: praetor, guests: consul },
  { servers: consul, guests: praetor },
]
const nameOf = ({ servers, guests }: (typeof fleets)[number]): string =>
  `${guests.label} before ${servers.label}`

// Each program that is started listens for the end of this process.
process.setMaxListeners(100)
// What was started ends with this process: it must be this one that ends itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const overdue = setTimeout(() => {
  console.log('it takes too long')
  process.exit(1)
}, runMaxMs)
const beganMs = performance.now()
const directory = await mkdtemp(join(tmpdir(), 'praetor-mixed-'))
const checks = new Checks()
await Promise.all(
  fleets
    .filter((kinds) => nameOf(kinds).includes(options.only))
    .map((kinds, at) =>
      checks.run(nameOf(kinds), async (expect) => {
        const own = join(directory, String(at))
        await mkdir(own)
        const nextPort = portsFrom(Number(options.port) + at * portsEach)
        await using fleet = new Fleet(kinds, { directory: own, nextPort })
        for (const chapter of chapters) await chapter(fleet, expect)
      }),
    ),
)
if (checks.failures === 0) await rm(directory, { recursive: true })
else console.log(`what the programs printed is in ${directory}`)
clearTimeout(overdue)
const seconds = Math.round((performance.now() - beganMs) / 1000)
console.log(`${checks.count} checks, ${checks.failures} failed, in ${seconds} s`)
process.exitCode = checks.failures === 0 ? 0 : 1
