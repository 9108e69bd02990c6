import t from 'tap'

import { announceLeader } from '../../../server/leader/announce-leader.ts'
import { lookAfterServers } from '../../../server/leader/autopilot-duty.ts'
import { coordinateRhythm, PendingCoordinates } from '../../../server/leader/coordinate-updates.ts'
import { writeCoordinates } from '../../../server/leader/coordinate-writer.ts'
import { yieldForDisk } from '../../../server/leader/disk-duty.ts'
import type { Duty, LeaderContext } from '../../../server/leader/duty.ts'
import { Leadership } from '../../../server/leader/leader.ts'
import { LeaderLockDelays } from '../../../server/leader/lock-delays.ts'
import { reconcileMembers } from '../../../server/leader/reconcile-members.ts'
import { expireSessions } from '../../../server/leader/session-expiry.ts'
import { SessionTtls } from '../../../server/leader/session-ttls.ts'
import { reapTombstones } from '../../../server/leader/tombstone-reaper.ts'
import { defaultAutopilotConfig } from '../../../server/model/autopilot.ts'
import { origin } from '../../../server/model/coordinate.ts'
import type { NodeCoordinate } from '../../../server/model/coordinate.ts'
import type { MembershipChange } from '../../../server/raft/core/output.ts'
import { emptyMembership } from '../../../server/raft/types.ts'
import type { Membership } from '../../../server/raft/types.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { getAutopilotConfig } from '../../../server/state/autopilot.ts'
import { listCoordinates } from '../../../server/state/coordinates.ts'
import { settle, VirtualClock } from '../../support/clock.ts'
import { Log } from '../../support/log.ts'
import { FakePool, serverNamed } from '../../support/pool.ts'

const sessionId = '5a94c5ee-0000-4000-8000-000000000001'
const second = 1000

const ids = {
  n1: 'd43e76dd-33d0-4d3e-bcb7-4fda32654d1e',
  n2: 'd43e76dd-33d0-4d3e-bcb7-4fda32654d2e',
}

function world() {
  const clock = new VirtualClock()
  const logged = new Log()
  const sessionTtls = new SessionTtls(logged.store, clock)
  const pool = new FakePool()
  pool.set(serverNamed('n1', ids.n1))
  const consensus: {
    membership: Membership
    changes: MembershipChange[]
    trouble: string | undefined
    transfers: number
  } = {
    membership: { ...emptyMembership, voters: [ids.n1] },
    changes: [],
    trouble: undefined,
    transfers: 0,
  }
  const context: LeaderContext = {
    store: logged.store,
    propose: logged.propose,
    clock,
    chance: seededChance(1),
    log: noLog,
    metrics: noMetrics,
    sessionTtls,
    coordinates: new PendingCoordinates({ ...coordinateRhythm, batchSize: 2, batchesMax: 2 }),
    pool,
    datacenter: 'dc1',
    nodeName: 'n1',
    raft: {
      membership: () => consensus.membership,
      changeMembership: (changes) => {
        consensus.changes.push(...changes)
        return Promise.resolve()
      },
      transferLeadership: () => {
        consensus.transfers += 1
      },
    },
    diskTrouble: () => consensus.trouble,
    autopilot: { run: () => Promise.resolve() },
    autopilotDefaults: defaultAutopilotConfig,
  }
  return { clock, logged, context, sessionTtls, pool, consensus }
}

t.test('who begins to lead says so to everybody, as Consul does', async (t) => {
  const { context, pool } = world()
  await announceLeader.run(context, new AbortController().signal)
  t.strictSame(pool.fired, [['consul:new-leader', 'n1']])
})

function openSession(logged: Log, TTL: string, LockDelayMs = 0): void {
  logged.node('n1')
  logged.apply('session-create', {
    ID: sessionId,
    Name: '',
    Node: 'n1',
    LockDelay: LockDelayMs * 1e6,
    Behavior: 'release',
    TTL,
    NodeChecks: [],
    ServiceChecks: null,
  })
}

t.test('a session ends after twice its TTL', async (t) => {
  const { clock, logged, context } = world()
  openSession(logged, '10s')
  await using _leader = new Leadership(context, [expireSessions])
  await clock.advance(20 * second - 1)
  t.equal(logged.store.sessions.size, 1)
  await clock.advance(1)
  t.equal(logged.store.sessions.size, 0)
})

t.test('a renewal gives a session its whole time again', async (t) => {
  const { clock, logged, context, sessionTtls } = world()
  openSession(logged, '10s')
  await using _leader = new Leadership(context, [expireSessions])
  await clock.advance(15 * second)
  sessionTtls.renew(sessionId)
  await clock.advance(20 * second - 1)
  t.equal(logged.store.sessions.size, 1)
  await clock.advance(1)
  t.equal(logged.store.sessions.size, 0)
})

t.test('a session without a TTL has no deadline', async (t) => {
  const { clock, logged, context, sessionTtls } = world()
  openSession(logged, '')
  await using _leader = new Leadership(context, [expireSessions])
  await settle()
  t.equal(sessionTtls.size, 0)
  await clock.advance(48 * 3600 * second)
  t.equal(logged.store.sessions.size, 1)
})

t.test('a new leader starts every deadline anew', async (t) => {
  const { clock, logged, context, sessionTtls } = world()
  openSession(logged, '10s')
  const first = new Leadership(context, [expireSessions])
  await clock.advance(19 * second)
  await first[Symbol.asyncDispose]()
  t.equal(sessionTtls.size, 0, 'who does not lead ends nothing')
  await clock.advance(60 * second)
  await using _second = new Leadership(context, [expireSessions])
  await clock.advance(19 * second)
  t.equal(logged.store.sessions.size, 1)
})

t.test('an end that could not be written is tried again', async (t) => {
  const { clock, logged, context } = world()
  openSession(logged, '10s')
  let failures = 2
  const propose: LeaderContext['propose'] = (command, args) => {
    failures -= 1
    return failures >= 0 ? Promise.reject(new Error('no quorum')) : logged.propose(command, args)
  }
  await using _leader = new Leadership({ ...context, propose }, [expireSessions])
  await clock.advance(20 * second)
  t.equal(logged.store.sessions.size, 1)
  await clock.advance(2 * second)
  t.equal(logged.store.sessions.size, 0)
})

t.test('a wall clock that jumps ends no session and saves none', async (t) => {
  const { clock, logged, context } = world()
  openSession(logged, '10s')
  await using _leader = new Leadership(context, [expireSessions])
  await settle()
  clock.wallOffsetMs += 3600 * second
  await clock.advance(19 * second)
  t.equal(logged.store.sessions.size, 1)
  clock.wallOffsetMs -= 7200 * second
  await clock.advance(second)
  t.equal(logged.store.sessions.size, 0)
})

t.test(
  'a key is held back for the lock delay of the session that lost it, and no longer',
  async (t) => {
    const { clock, logged } = world()
    const delays = new LeaderLockDelays(logged.store, clock)
    openSession(logged, '', 15 * second)
    logged.apply('kv', {
      Op: 'lock',
      DirEnt: { Key: 'l', Flags: 0, Value: Buffer.from(''), Session: sessionId },
    })
    t.equal(delays.isHeldBack('l'), false)
    logged.apply('session-destroy', { ID: sessionId })
    t.equal(delays.isHeldBack('l'), true)
    t.equal(delays.isHeldBack('other'), false)
    await clock.advance(15 * second - 1)
    t.equal(delays.isHeldBack('l'), true)
    await clock.advance(1)
    t.equal(delays.isHeldBack('l'), false)
    t.equal(delays.size, 0, 'nothing is remembered of it')
  },
)

t.test('a deletion is forgotten once it is a quarter of an hour old', async (t) => {
  const { clock, logged, context } = world()
  const DirEnt = { Key: 'a', Flags: 0, Value: Buffer.from('') }
  await using _leader = new Leadership(context, [reapTombstones])
  logged.apply('kv', { Op: 'set', DirEnt })
  logged.apply('kv', { Op: 'delete', DirEnt })
  t.equal(logged.store.tombstones.size, 1)
  await clock.advance(15 * 60 * second)
  t.equal(logged.store.tombstones.size, 1)
  await clock.advance(60 * second)
  t.equal(logged.store.tombstones.size, 0)
})

t.test(
  'the servers stand in the catalog, and what stands there is not written again',
  async (t) => {
    const { logged, context } = world()
    for (let term = 0; term < 2; term += 1) {
      await using _leader = new Leadership(context, [reconcileMembers])
      await settle()
    }
    const [node] = [...logged.store.nodes.all()]
    t.match(node, { Node: 'n1', Address: '127.0.0.1', CreateIndex: 1, ModifyIndex: 1 })
    t.equal(logged.index, 1)
    t.equal(logged.store.checks.size, 1)
  },
)

t.test('a change of one member is written for that one alone', async (t) => {
  const { clock, logged, context, pool } = world()
  const clients = Array.from({ length: 50 }, (_, at) => `c${at}`)
  for (const name of clients) pool.set(serverNamed(name, ''))
  await using _leader = new Leadership(context, [reconcileMembers])
  await settle()
  t.equal(logged.index, 51)
  pool.set(serverNamed('c7', ''), 'failed')
  await settle()
  t.equal(logged.index, 52)
  await clock.advance(10 * 60 * second)
  t.equal(logged.index, 52, 'and not again, however often it is looked at')
})

t.test('who is reaped goes from the catalog, and who is only late to be known stays', async (t) => {
  const { clock, logged, context, pool } = world()
  for (const name of ['gone', 'late']) pool.set(serverNamed(name, ''), 'alive')
  await using _leader = new Leadership(context, [reconcileMembers])
  await settle()
  logged.node('external')
  for (const name of ['gone', 'late']) pool.reap(name)
  await clock.advance(60 * second)
  const names = (): string[] => [...logged.store.nodes.all()].map(({ Node }) => Node)
  t.strictSame(names(), ['external', 'gone', 'late', 'n1'])
  pool.set(serverNamed('late', ''))
  await clock.advance(60 * second)
  t.strictSame(names(), ['external', 'late', 'n1'], 'a node that is no member is not the pool’s')
})

t.test('a server that comes is let in to listen, and stands in the catalog', async (t) => {
  const { logged, context, pool, consensus } = world()
  await using _leader = new Leadership(context, [reconcileMembers])
  await settle()
  pool.set(serverNamed('n2', ids.n2))
  await settle()
  t.strictSame(consensus.changes, [{ kind: 'addLearner', id: ids.n2, address: '127.0.0.1:8300' }])
  t.ok(logged.store.nodes.get('n2'))
})

t.test('a server that comes back without its data takes the place of what it was', async (t) => {
  for (const isThere of [false, true]) {
    const { context, consensus, pool } = world()
    const lost = 'd43e76dd-33d0-4d3e-bcb7-4fda32654d3e'
    consensus.membership = {
      ...emptyMembership,
      voters: [ids.n1, lost],
      addresses: { [ids.n1]: '127.0.0.1:8301', [lost]: '127.0.0.1:8300' },
    }
    if (isThere) pool.set(serverNamed('n3', lost))
    const ended = new AbortController()
    const running = reconcileMembers.run(context, ended.signal).catch(() => undefined)
    pool.set(serverNamed('n2', ids.n2))
    await settle()
    const added = { kind: 'addLearner', id: ids.n2, address: '127.0.0.1:8300' } as const
    t.strictSame(
      consensus.changes,
      isThere ? [added] : [{ kind: 'remove', id: lost }, added],
      'but two that say that they are at one address are left to whoever set them up',
    )
    ended.abort()
    await running
  }
})

t.test('a member that fails is critical, and passing when it is back', async (t) => {
  const { logged, context, pool } = world()
  pool.set(serverNamed('n2', ids.n2))
  await using _leader = new Leadership(context, [reconcileMembers])
  await settle()
  const status = (): string[] =>
    [...logged.store.checks.withPrefix('n2\u0000')].map(
      ({ Status, Output }) => `${Status}: ${Output}`,
    )
  pool.set(serverNamed('n2', ids.n2), 'failed')
  await settle()
  t.strictSame(status(), ['critical: Agent not live or unreachable'])
  pool.set(serverNamed('n2', ids.n2))
  await settle()
  t.strictSame(status(), ['passing: Agent alive and reachable'])
})

t.test('a server that leaves goes from the catalog and from consensus', async (t) => {
  const { logged, context, pool, consensus } = world()
  pool.set(serverNamed('n2', ids.n2))
  consensus.membership = { ...consensus.membership, voters: [ids.n1, ids.n2] }
  await using _leader = new Leadership(context, [reconcileMembers])
  await settle()
  pool.set(serverNamed('n2', ids.n2), 'left')
  await settle()
  t.strictSame(consensus.changes, [{ kind: 'remove', id: ids.n2 }])
  t.equal(logged.store.nodes.get('n2'), undefined)
})

t.test('the last voter is never voted out', async (t) => {
  const { context, pool, consensus } = world()
  await using _leader = new Leadership(context, [reconcileMembers])
  pool.set(serverNamed('n1', ids.n1), 'left')
  await settle()
  t.strictSame(consensus.changes, [])
})

t.test('a leader whose disk is in trouble yields, and not in a circle', async (t) => {
  const { clock, context, consensus } = world()
  const told: string[] = []
  const log = { ...noLog, warn: (_: object, message = '') => void told.push(message) }
  await using _leader = new Leadership({ ...context, log }, [yieldForDisk])
  await clock.advance(20 * second)
  consensus.trouble = 'the disk is full'
  await clock.advance(second)
  t.equal(consensus.transfers, 0, 'there is nobody to yield to')
  consensus.membership = { ...emptyMembership, voters: [ids.n1, ids.n2] }
  await clock.advance(second)
  t.equal(consensus.transfers, 1)
  t.strictSame(told, ['the disk is full: handing leadership over to a server that can write'])
  await clock.advance(5 * second)
  t.equal(consensus.transfers, 2, 'the first successor could not')
})

t.test('a leader that was just elected stays a while, whatever its disk', async (t) => {
  const { clock, context, consensus } = world()
  consensus.membership = { ...emptyMembership, voters: [ids.n1, ids.n2] }
  consensus.trouble = 'the disk is full'
  await using _leader = new Leadership(context, [yieldForDisk])
  await clock.advance(4 * second)
  t.equal(consensus.transfers, 0)
  await clock.advance(2 * second)
  t.equal(consensus.transfers, 1)
})

t.test('coordinates are written once a period, many at a time and not too many', async (t) => {
  const { clock, logged, context } = world()
  const at = (Node: string, x: number): NodeCoordinate => ({
    Node,
    Segment: '',
    Coord: { ...origin, Vec: [x, 0, 0, 0, 0, 0, 0, 0] },
  })
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) logged.node(name)
  context.coordinates.add(at('a', 9))
  await using _leadership = new Leadership(context, [writeCoordinates])
  await clock.advance(coordinateRhythm.periodMs)
  t.strictSame(listCoordinates(logged.store).value, [], 'what was noted in an earlier term is old')
  context.coordinates.add(at('a', 1))
  for (const name of names) context.coordinates.add(at(name, 2))
  const before = logged.index
  await clock.advance(coordinateRhythm.periodMs)
  t.strictSame(
    listCoordinates(logged.store).value,
    ['a', 'b', 'c', 'd'].map((name) => at(name, 2)),
    'the fifth has no room in two entries of two',
  )
  t.equal(logged.index - before, 2)
  await clock.advance(coordinateRhythm.periodMs)
  t.equal(logged.index - before, 2, 'and nothing is written where nothing came')
})

t.test('a duty that fails begins again, and stops with the term', async (t) => {
  const { clock, context } = world()
  let runs = 0
  const failing: Duty = {
    name: 'fail',
    run: () => {
      runs += 1
      return Promise.reject(new Error('not yet'))
    },
  }
  const leader = new Leadership(context, [failing])
  await clock.advance(3 * second)
  t.equal(runs, 4)
  await leader[Symbol.asyncDispose]()
  await clock.advance(10 * second)
  t.equal(runs, 4)
  t.equal(clock.timers, 0)
})

t.test(
  'a new cluster gets the settings of autopilot that its first leader was told, and keeps them',
  async (t) => {
    const { context, logged } = world()
    const signal = new AbortController().signal
    const run = (MinQuorum: number): Promise<void> =>
      lookAfterServers.run(
        { ...context, autopilotDefaults: { ...defaultAutopilotConfig, MinQuorum } },
        signal,
      )
    await run(3)
    await run(5)
    t.match(getAutopilotConfig(logged.store), { index: 1, value: { MinQuorum: 3, CreateIndex: 1 } })
  },
)
