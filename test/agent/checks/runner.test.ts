import t from 'tap'

import { turnMs } from '../../../agent/checks/agenda.ts'
import { Authorities } from '../../../agent/checks/authorities.ts'
import type { CheckResult, PeriodicKind, RunLimits } from '../../../agent/checks/kind.ts'
import { CheckRunner } from '../../../agent/checks/runner.ts'
import { checkKinds, kindOf, periodicKinds } from '../../../agent/checks/table.ts'
import type { CheckRow } from '../../../agent/local/definitions.ts'
import { emptyCheckDefinition } from '../../../server/model/definition.ts'
import type { CheckDefinition } from '../../../server/model/definition.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { sleep } from '../../../server/runtime/clock.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { settle, VirtualClock } from '../../support/clock.ts'
import { localRpc } from '../../support/local-rpc.ts'

const second = 1000

const emptyRow: CheckRow = {
  Node: 'n1',
  CheckID: '',
  Name: '',
  Status: 'critical',
  Notes: '',
  Output: '',
  ServiceID: '',
  ServiceName: '',
  ServiceTags: null,
  Type: 'fake',
  Definition: {},
}

/** A runner of one kind of check, which does what `run` says. */
function setUp(run: (limits: RunLimits) => Promise<CheckResult>) {
  const clock = new VirtualClock()
  const reports: string[] = []
  const starts: number[] = []
  const fake: PeriodicKind = {
    name: 'fake',
    timeoutMs: 10 * second,
    accepts: () => true,
    run(_, limits) {
      starts.push(clock.monotonicMs())
      return run(limits)
    },
  }
  const runner = new CheckRunner({
    authorities: new Authorities(),
    clock,
    chance: seededChance(7),
    log: noLog,
    kinds: [fake],
    aliases: {
      rpc: localRpc().rpc,
      node: 'n1',
      checks: () => [],
      hasService: () => false,
      watchService: () => () => undefined,
    },
    outputMaxBytes: 4096,
    report: (id, status, output) => reports.push(`${id} ${status} ${output}`),
  })
  const start = (id: string, more: Partial<CheckDefinition> = {}): void =>
    runner.start({
      row: { ...emptyRow, CheckID: id },
      definition: { ...emptyCheckDefinition, IntervalMs: 10 * second, ...more },
    })
  return { clock, reports, starts, runner, start }
}

const passing = { status: 'passing', output: 'up' } as const

/** A run that ends when its time does. */
const untilAborted = ({ signal, timeoutMs }: RunLimits): Promise<CheckResult> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () =>
      resolve({ status: 'critical', output: `late after ${timeoutMs}` }),
    )
  })

/** How many runs began in each tenth of a second; 0 where none did. */
function crowds(starts: readonly number[], fromMs: number, untilMs: number): number[] {
  const counts = Array.from({ length: (untilMs - fromMs) / turnMs }, () => 0)
  for (const ms of starts) {
    const turn = Math.floor((ms - fromMs) / turnMs)
    if (turn in counts) counts[turn] = (counts[turn] ?? 0) + 1
  }
  return counts
}

t.test('a thousand checks that start together are spread over their interval', async (t) => {
  const { clock, starts, runner, start } = setUp(() => Promise.resolve(passing))
  const startAll = (): void => {
    for (let id = 0; id < 1000; id += 1) start(String(id), { IntervalMs: (id % 2) * 5000 + 5000 })
  }
  /** 500 every 5 s and 500 every 10 s: 15 in a tenth of a second. */
  const isSpread = (what: string, fromMs: number, untilMs: number): void => {
    const found = crowds(starts, fromMs, untilMs)
    t.ok(Math.max(...found) <= 19, `${what}: at most ${Math.max(...found)}`)
    t.ok(Math.min(...found) >= 11, `${what}: at least ${Math.min(...found)}`)
  }
  startAll()
  await settle()
  t.ok(starts.length < 19, 'few run at once')
  await clock.advance(60 * second)
  isSpread('registered together', second, 60 * second)
  startAll()
  await clock.advance(60 * second)
  isSpread('registered anew', 61 * second, 120 * second)
  await runner[Symbol.asyncDispose]()
  t.equal(clock.timers, 0)
})

t.test('a check comes round in the same turn, and later only by what its runs take', async (t) => {
  const slow = setUp(async () => {
    await sleep(slow.clock, 300, new AbortController().signal)
    return passing
  })
  const quick = setUp(() => Promise.resolve(passing))
  for (const { start } of [slow, quick]) start('a')
  await quick.clock.advance(600 * second)
  await slow.clock.advance(600 * second)
  const gaps = (starts: readonly number[]): Set<number> =>
    new Set(starts.slice(1).map((ms, at) => Math.round(ms - (starts[at] ?? 0))))
  t.strictSame(gaps(quick.starts), new Set([10_000]))
  t.strictSame(gaps(slow.starts), new Set([10_300]))
  await slow.runner[Symbol.asyncDispose]()
  await quick.runner[Symbol.asyncDispose]()
})

t.test('an interval below a second is a second', async (t) => {
  const { clock, starts, runner, start } = setUp(() => Promise.resolve(passing))
  start('a', { IntervalMs: 1 })
  await clock.advance(10 * second)
  t.equal(starts.length, 10)
  await runner[Symbol.asyncDispose]()
})

t.test('a run has as long as its definition says, or else its kind', async (t) => {
  const { clock, reports, runner, start } = setUp(untilAborted)
  start('a', { TimeoutMs: 3 * second })
  start('b')
  await clock.advance(10 * second + 10 * second)
  t.strictSame(reports.toSorted(), ['a critical late after 3000', 'b critical late after 10000'])
  await runner[Symbol.asyncDispose]()
  t.equal(clock.timers, 0)
})

t.test('no run begins before the last one has ended, however late it was', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { clock, reports, starts, runner, start } = setUp(() =>
    Promise.resolve({ status: 'critical', output: 'stuck', ended: promise }),
  )
  start('a')
  await clock.advance(60 * second)
  t.equal(starts.length, 1)
  t.strictSame(reports, ['a critical stuck'])
  resolve()
  await clock.advance(10 * second)
  t.equal(starts.length, 2)
  await runner[Symbol.asyncDispose]()
})

t.test('an agent stops though a process of a check does not', async (t) => {
  const { clock, reports, runner, start } = setUp(() =>
    Promise.resolve({ ...passing, ended: new Promise<void>(() => undefined) }),
  )
  start('a')
  await clock.advance(10 * second)
  t.equal(reports.length, 1)
  await runner[Symbol.asyncDispose]()
})

t.test(
  'what a check finds after it was deregistered is not reported, and its run ends by itself',
  async (t) => {
    const aborted: boolean[] = []
    const { promise, resolve } = Promise.withResolvers<CheckResult>()
    const { clock, reports, starts, runner, start } = setUp(async ({ signal }) => {
      const result = await promise
      aborted.push(signal.aborted)
      return result
    })
    start('a')
    await clock.advance(10 * second)
    t.equal(starts.length, 1)
    runner.stop('a')
    resolve(passing)
    await clock.advance(60 * second)
    t.strictSame([reports, aborted, starts.length], [[], [false], 1])
    t.equal(clock.timers, 0)
    await runner[Symbol.asyncDispose]()
  },
)

t.test('runs under way end with the agent', async (t) => {
  const { clock, reports, runner, start } = setUp(untilAborted)
  start('a')
  await clock.advance(10 * second)
  await runner[Symbol.asyncDispose]()
  t.strictSame(reports, [])
  t.equal(clock.timers, 0)
})

t.test('the first kind in the table that a definition asks for is its kind', (t) => {
  const cases: readonly (readonly [Partial<CheckDefinition>, string])[] = [
    [{}, ''],
    [{ TTLMs: 1 }, 'ttl'],
    [{ HTTP: 'x' }, 'http'],
    [{ TCP: 'x' }, 'tcp'],
    [{ UDP: 'x' }, 'udp'],
    [{ GRPC: 'x' }, 'grpc'],
    [{ H2PING: 'x' }, 'h2ping'],
    [{ ScriptArgs: ['x'] }, 'script'],
    [{ OSService: 'x' }, 'os_service'],
    [{ DockerContainerID: 'x' }, ''],
    [{ DockerContainerID: 'x', ScriptArgs: ['x'] }, 'docker'],
    [{ AliasNode: 'x' }, 'alias'],
    [{ AliasService: 'x' }, 'alias'],
    [{ HTTP: 'x', GRPC: 'x', ScriptArgs: ['x'] }, 'grpc'],
    [{ TCP: 'x', HTTP: 'x' }, 'http'],
  ]
  for (const [definition, kind] of cases)
    t.equal(kindOf({ ...emptyCheckDefinition, ...definition }), kind, JSON.stringify(definition))
  t.equal(checkKinds.length - periodicKinds.length, 2, 'all but ttl and alias run by themselves')
  t.end()
})
