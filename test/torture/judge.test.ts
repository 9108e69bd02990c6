import t from 'tap'

import { encodeCommand } from '../../server/fsm/apply.ts'
import type { Entry } from '../../server/raft/types.ts'
import { type Aftermath, judge } from './judge.ts'
import { Record } from './record.ts'
import type { ServerLog } from './server-log.ts'

const written = (index: number, value: string, term = 1): Entry => ({
  index,
  term,
  kind: 'command',
  payload: encodeCommand('kv', {
    Op: 'set',
    DirEnt: { Key: 'register/0', Flags: 0, Value: Buffer.from(value) },
  }),
})

function logOf(server: string, entries: readonly Entry[]): ServerLog {
  return {
    server,
    entries: new Map(entries.map((entry) => [entry.index, entry])),
    firstIndex: entries[0]?.index ?? 1,
    lastIndex: entries.at(-1)?.index ?? 0,
    commitIndex: 0,
  }
}

/** A run in which all went well: two writes of one key, seen in every way, and a key for the ledger. */
function goodRun(): { record: Record; aftermath: Aftermath } {
  const record = new Record()
  const key = 'register/0'
  for (const [at, value] of [
    [0, 'a'],
    [10, 'b'],
  ] as const)
    record.registers.return(
      record.registers.call('r0', key, { verb: 'put', value }, at),
      true,
      at + 1,
    )
  const read = record.registers.call('r1', key, { verb: 'get', mode: 'default' }, 12)
  record.registers.return(read, 'b', 13, 3)
  record.staleReads.push(
    { server: 'n1 life 1', key, calledAt: 5, returnedAt: 6, index: 2, value: 'a' },
    { server: 'n1 life 1', key, calledAt: 12, returnedAt: 13, index: 3, value: 'b' },
  )
  record.observations.push(
    { watcher: 'w0', key, after: 0, calledAt: 5, returnedAt: 6, index: 2, value: 'a' },
    { watcher: 'w0', key, after: 2, calledAt: 7, returnedAt: 11, index: 3, value: 'b' },
  )
  record.ledger.set('ledger/r0-1', 'r0-1')
  const entries = [{ ...written(1, 'x'), kind: 'noop' as const }, written(2, 'a'), written(3, 'b')]
  const aftermath = {
    ledger: new Map(record.ledger),
    logs: [logOf('n1', entries), logOf('n2', entries)],
    agreedIndex: 3,
    deaths: [],
  }
  return { record, aftermath }
}

t.test('a good run keeps every promise', (t) => {
  const { record, aftermath } = goodRun()
  t.strictSame(
    judge(record, aftermath).flatMap(({ breaches }) => breaches),
    [],
  )
  t.end()
})

type Run = ReturnType<typeof goodRun>

const first = 'n1 life 1'
const damages: readonly (readonly [
  what: string,
  damage: (run: Run) => Partial<Aftermath> | undefined,
  broken: readonly string[],
])[] = [
  ['a server dies by itself', () => ({ deaths: ['n1 ended by itself'] }), ['servers stay up']],
  ['a key is gone', () => ({ ledger: new Map() }), ['what was acknowledged is there']],
  [
    'a write is in no log',
    ({ aftermath }) => ({
      logs: aftermath.logs.map(({ server }) => logOf(server, [written(1, 'z'), written(2, 'a')])),
      agreedIndex: 2,
    }),
    ['and in the log, once'],
  ],
  [
    'a write is in the log twice',
    ({ aftermath }) => ({
      logs: aftermath.logs.map(({ server, entries }) =>
        logOf(server, [...entries.values(), written(4, 'a')]),
      ),
    }),
    ['and in the log, once'],
  ],
  [
    'two logs differ',
    ({ aftermath: { logs } }) => ({
      logs: [
        ...logs.slice(0, 1),
        logOf('n2', [...(logs[0]?.entries.values() ?? [])].slice(0, 2).concat(written(3, 'b', 2))),
      ],
    }),
    ['all logs agree'],
  ],
  [
    'a log ends before what its server applied',
    ({ aftermath: { logs } }) => ({
      logs: [...logs.slice(0, 1), logOf('n2', [...(logs[0]?.entries.values() ?? [])].slice(0, 2))],
    }),
    ['all logs agree'],
  ],
  [
    'a default read is old',
    ({ record: { registers } }) => {
      const read = registers.call('r1', 'register/0', { verb: 'get', mode: 'default' }, 14)
      registers.return(read, 'a', 15, 2)
      return undefined
    },
    ['linearizable: default reads too', 'indexes follow real time'],
  ],
  [
    'a consistent read is old',
    ({ record: { registers } }) => {
      const read = registers.call('r1', 'register/0', { verb: 'get', mode: 'consistent' }, 14)
      registers.return(read, null, 15, 9)
      return undefined
    },
    ['linearizable: ?consistent reads and writes of keys', 'linearizable: default reads too'],
  ],
  [
    'a stale read goes back',
    ({ record: { staleReads } }) => {
      const seen = { key: 'register/0', calledAt: 14, returnedAt: 15, index: 2, value: 'a' }
      staleReads.push({ server: first, ...seen }, { server: 'n1 life 2', ...seen })
      return undefined
    },
    ['stale reads were true, and go forward'],
  ],
  [
    'a stale read shows what nobody wrote',
    ({ record: { staleReads } }) => {
      const seen = { key: 'register/0', calledAt: 14, returnedAt: 15, index: 4, value: 'c' }
      staleReads.push({ server: first, ...seen })
      return undefined
    },
    ['stale reads were true, and go forward'],
  ],
  [
    'a watcher is told the old',
    ({ record: { observations } }) => {
      const seen = { key: 'register/0', calledAt: 14, returnedAt: 15, index: 2, value: 'a' }
      observations.push({ watcher: 'w1', after: 0, ...seen })
      return undefined
    },
    ['indexes follow real time', 'watches go forward and miss nothing'],
  ],
  [
    'a lock is held twice',
    ({ record: { holdings } }) => {
      holdings.push(
        { lock: 'l', holder: 'a', from: 0, until: 5 },
        { lock: 'l', holder: 'b', from: 1, until: 2 },
      )
      return undefined
    },
    ['a lock has one holder, fences rise'],
  ],
  [
    'leaders are replaced late',
    ({ record: { accepted, inflicted } }) => {
      for (let at = 0; at < 100_000; at += 10_000) {
        inflicted.push({ at, what: 'kill', loss: 'killed' })
        accepted.push({ calledAt: at + 1, returnedAt: at + (at < 50_000 ? 1400 : 1600) })
      }
      inflicted.push({ at: 100_000, what: 'start all', loss: 'started' })
      accepted.push({ calledAt: 100_000, returnedAt: 101_000 })
      inflicted.push({ at: 110_000, what: 'pause', loss: 'paused' })
      accepted.push({ calledAt: 110_000, returnedAt: 111_501 })
      return undefined
    },
    ['a lost leader is replaced in 1.5 election timeouts'],
  ],
]

t.test('each damage breaks the promise it is about', (t) => {
  for (const [what, damage, broken] of damages) {
    const run = goodRun()
    const findings = judge(run.record, { ...run.aftermath, ...damage(run) })
    t.strictSame(
      findings.filter(({ breaches }) => breaches.length > 0).map(({ promise }) => promise),
      broken,
      what,
    )
  }
  t.end()
})
