import t from 'tap'

import { createRaft, type Raft } from '../../server/raft/driver.ts'
import { MemoryLog } from '../../server/raft/storage/memory-log.ts'
import { MemorySnapshots } from '../../server/raft/storage/memory-snapshots.ts'
import { traceEvent, type TracedTurn, type TraceEvent } from '../../server/raft/trace.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import { VirtualClock } from '../support/clock.ts'
import { Ledger } from './ledger.ts'
import { decodeStream, judgeStreams } from './streams.ts'

const ids = ['a', 'b', 'c']
const addresses = { a: '', b: '', c: '' }

/** Three servers that elect one and write a little, and what each wrote down of it. */
async function recorded(): Promise<TraceEvent[][]> {
  const clock = new VirtualClock()
  const lines = new Map(ids.map((id) => [id, '']))
  const rafts = new Map<string, Raft<boolean>>()
  for (const id of ids) {
    const ledger = new Ledger()
    rafts.set(
      id,
      await createRaft<boolean>({
        id,
        bootstrap: { ...emptyMembership, voters: ids, addresses },
        logStore: new MemoryLog(),
        snapshots: new MemorySnapshots(),
        stateMachine: {
          apply: (entries) => entries.map((entry) => ledger.apply(entry)),
          snapshot: () => [ledger.save()],
          restore: async () => {},
        },
        clock,
        chance: seededChance(id.charCodeAt(0)),
        log: noLog,
        metrics: noMetrics,
        fatal(error) {
          throw error
        },
        send: (messages) => {
          for (const { message, to } of messages) rafts.get(to)?.receive(id, message)
        },
        trace: (traced) =>
          lines.set(id, `${lines.get(id)}${JSON.stringify(traceEvent(id, traced))}\n`),
      }),
    )
  }
  const leader = (): Raft<boolean> | undefined =>
    [...rafts.values()].find((raft) => raft.isLeader())
  for (let turn = 0; turn < 200 && leader() === undefined; turn += 1) await clock.advance(50)
  for (const mark of ['m1', 'm2']) {
    const payload = new TextEncoder().encode(JSON.stringify({ verb: 'put', key: 'k', mark }))
    await leader()?.propose(payload)
  }
  await clock.advance(500)
  for (const raft of rafts.values()) await raft[Symbol.asyncDispose]()
  return [...lines.values()].map(decodeStream)
}

t.test('what servers wrote down is accepted, in whatever order their files are', async (t) => {
  const streams = await recorded()
  const count = streams.flat().length
  t.ok(count > 100, `${count} events`)
  t.same(judgeStreams(streams), { accepted: count, refusal: null })
  t.same(judgeStreams(streams.toReversed()), { accepted: count, refusal: null })
})

type Forgery = (turn: TracedTurn) => TracedTurn | null

/** Each changes the first turn that it can; what it makes of it must be refused. */
const forgeries: readonly [string, Forgery, RegExp][] = [
  [
    'a leader that nobody voted for',
    (turn) => (turn.role === 'follower' ? { ...turn, role: 'leader' } : null),
    /leads term \d+ without a quorum/,
  ],
  [
    'a term out of nowhere',
    (turn) => ({ ...turn, term: turn.term + 7 }),
    /enters term \d+ without cause/,
  ],
  [
    'a commit that nobody counted',
    (turn) => (turn.batch?.entries.length === 1 ? { ...turn, commit: turn.commit + 1 } : null),
    /commits \d+ without cause/,
  ],
  [
    'an entry that nobody sent',
    (turn) =>
      turn.role === 'follower' && turn.batch?.entries[0] !== undefined
        ? {
            ...turn,
            batch: { ...turn.batch, entries: [{ ...turn.batch.entries[0], body: 'forged' }] },
          }
        : null,
    /appends entry \d+ of term \d+ that nobody sent/,
  ],
  [
    'an acknowledgement before the disk has it',
    (turn) => {
      const acked = turn.sent.some(
        ({ message }) => message.kind === 'appendResponse' && message.accepted,
      )
      return acked && turn.durable !== null ? { ...turn, durable: null } : null
    },
    /tells . appendResponse of term \d+ before/,
  ],
  [
    'a message that was never sent',
    (turn) => {
      const [first] = turn.received
      if (first === undefined) return null
      return { ...turn, received: [{ ...first, message: { ...first.message, term: 99 } }] }
    },
    /received \w+ of term 99 that . never sent/,
  ],
]

for (const [name, forge, refusal] of forgeries)
  t.test(`${name} is refused`, async (t) => {
    const streams = await recorded()
    let isForged = false
    const forged = streams.map((stream) =>
      stream.map((event) => {
        if (isForged || event.kind === 'start') return event
        const changed = forge(event)
        isForged = changed !== null
        return changed ?? event
      }),
    )
    t.ok(isForged)
    t.match(judgeStreams(forged).refusal, refusal)
  })

t.test('half a line is forgiven where a process ended, and nowhere else', async (t) => {
  const [stream = []] = await recorded()
  const lines = stream.map((event) => JSON.stringify(event))
  const [start = '', second = '', third = ''] = lines
  const half = second.slice(0, -9)
  t.equal(decodeStream([start, second, half].join('\n')).length, 2, 'at the end')
  t.equal(decodeStream([start, half, '', start, second].join('\n')).length, 3, 'before a start')
  t.throws(() => decodeStream([start, half, third].join('\n')), /this is no event/)
})
