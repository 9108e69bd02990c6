import fc from 'fast-check'
import t from 'tap'

import { forceMembership } from '../../../server/raft/forced-membership.ts'
import { recover } from '../../../server/raft/recovered.ts'
import { MemoryLog } from '../../../server/raft/storage/memory-log.ts'
import { MemorySnapshots } from '../../../server/raft/storage/memory-snapshots.ts'
import { emptyMembership } from '../../../server/raft/types.ts'
import type { Membership } from '../../../server/raft/types.ts'
import { RaftCluster } from '../../support/raft-cluster.ts'

const ids = ['1', '2', '3', '4', '5']
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

function members(voters: readonly string[], learners: readonly string[] = []): Membership {
  const addresses = Object.fromEntries([...voters, ...learners].map((id) => [id, `${id}:8300`]))
  return { ...emptyMembership, voters, learners, addresses }
}

/** Stops everybody, and starts those who are left with this membership forced on their logs. */
async function force(cluster: RaftCluster, left: readonly string[], forced: Membership) {
  for (const { id } of cluster.up()) cluster.crash(id)
  cluster.network = []
  for (const id of left) {
    const { disk } = cluster.node(id)
    const store = {
      lastIndex: () => disk.lastIndex(),
      term: (index: number) => disk.term(index),
      append(batch: Parameters<typeof disk.write>[0], durable: () => void) {
        disk.write(batch)
        durable()
      },
    }
    await forceMembership(store, disk.recover(), forced)
    cluster.restart(id)
  }
}

function commandsOf(cluster: RaftCluster, id: string): string[] {
  const { disk } = cluster.node(id)
  return Array.from({ length: disk.lastIndex() }, (_, at) => disk.entry(at + 1))
    .filter(({ kind }) => kind === 'command')
    .map(({ payload }) => Buffer.from(payload).toString())
}

function propose(cluster: RaftCluster, text: string): void {
  const { leader } = cluster
  if (leader !== null) cluster.turn(leader, { kind: 'propose', ticket: 1, payload: bytes(text) })
}

t.test('one of three goes on alone, with all that it had', async (t) => {
  const cluster = new RaftCluster({ membership: members(['1', '2', '3']) })
  cluster.run(5_000)
  propose(cluster, 'before')
  cluster.run(500)
  await force(cluster, ['3'], members(['3']))
  cluster.run(10_000)
  t.equal(cluster.leader, '3')
  propose(cluster, 'after')
  cluster.run(500)
  t.strictSame(commandsOf(cluster, '3'), ['before', 'after'])
  t.strictSame(cluster.core('3').status().membership, members(['3']))
})

t.test('of those who are left the most up-to-date leads, and the others get its log', async (t) => {
  const cluster = new RaftCluster({ membership: members(ids) })
  cluster.run(5_000)
  cluster.isolate('5')
  for (let count = 0; count < 5; count += 1) {
    propose(cluster, `c${count}`)
    cluster.run(200)
  }
  const behind = cluster.node('5').disk.lastIndex()
  t.ok(behind < cluster.node('4').disk.lastIndex())
  cluster.heal()
  await force(cluster, ['4', '5'], members(['4', '5']))
  cluster.run(10_000)
  t.equal(cluster.leader, '4')
  for (const id of ['4', '5'])
    t.strictSame(commandsOf(cluster, id), ['c0', 'c1', 'c2', 'c3', 'c4'], id)
})

t.test(
  'a joint configuration is replaced as well, and learners may be among those named',
  async (t) => {
    const cluster = new RaftCluster({ membership: members(['1', '2', '3']) })
    cluster.run(5_000)
    const { leader } = cluster
    cluster.add('4', { empty: true })
    cluster.add('5', { empty: true })
    if (leader !== null)
      cluster.turn(leader, {
        kind: 'proposeMembership',
        ticket: 1,
        changes: ['4', '5'].map((id) => ({ kind: 'addVoter', id, address: `${id}:8300` })),
      })
    cluster.write(leader ?? '')
    t.strictSame(cluster.core(leader ?? '').status().membership.outgoing, ['1', '2', '3'])
    const forced = members([leader ?? ''], ['4'])
    await force(cluster, [leader ?? ''], forced)
    // It never had a log, and gets one like any learner.
    cluster.restart('4')
    cluster.run(10_000)
    t.equal(cluster.leader, leader)
    t.strictSame(cluster.core('4').status().membership, forced)
  },
)

t.test('a log that says so already is left as it is', async (t) => {
  const log = new MemoryLog()
  const stores = { logStore: log, snapshots: new MemorySnapshots() }
  await recover(stores, { bootstrap: members(['1', '2', '3']) })
  const hardState = { term: 7, vote: '2', commit: 1 }
  const before = { hardState, snapshot: null, memberships: [], log }
  const forced = members(['1'])
  const once = await forceMembership(log, before, forced)
  t.match(once.hardState, { vote: null, commit: 1 })
  t.equal(log.lastIndex(), 2)
  t.equal(log.term(2), 1 + 2 ** 40)
  t.ok(once.hardState.term > log.term(2))
  t.equal(await forceMembership(log, once, forced), once)
  t.equal(log.lastIndex(), 2)
  const twice = await forceMembership(log, once, members(['1', '2']))
  t.equal(log.term(3), 1 + 2 ** 41)
  t.ok(twice.hardState.term > once.hardState.term)
})

t.test('a log that was all compacted is forced behind its snapshot', async (t) => {
  const log = new MemoryLog()
  const snapshot = { index: 90, term: 4, membership: members(['1', '2', '3']) }
  const hardState = { term: 5, vote: null, commit: 90 }
  log.append({ seq: 0, hardState, truncateFrom: null, snapshot, entries: [] }, () => {})
  const { memberships } = await forceMembership(
    log,
    { hardState, snapshot, memberships: [], log },
    members(['1']),
  )
  t.strictSame(memberships, [{ index: 91, membership: members(['1']) }])
  t.equal(log.term(91), 4 + 2 ** 40)
})

t.test('a server without a log has none to be forced', async (t) => {
  const stores = { logStore: new MemoryLog(), snapshots: new MemorySnapshots() }
  await t.rejects(recover(stores, { forced: members(['1']), bootstrap: members(['1']) }), {
    message: 'there is no log yet whose members could be changed',
  })
})

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('propose' as const) }),
    fc.record({ kind: fc.constant('run' as const), ms: fc.constantFrom(100, 300, 3_000) }),
    fc.record({ kind: fc.constant('isolate' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constant('heal' as const) }),
    fc.record({ kind: fc.constant('crash' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constant('restart' as const), id: fc.constantFrom(...ids) }),
  ),
  { maxLength: 30 },
)

type Story = readonly (typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never)[number][]

function tell(cluster: RaftCluster, story: Story): void {
  let count = 0
  for (const step of story)
    if (step.kind === 'propose') propose(cluster, `c${(count += 1)}`)
    else if (step.kind === 'run') cluster.run(step.ms)
    else if (step.kind === 'heal') cluster.heal()
    else if (step.kind === 'isolate') cluster.isolate(step.id)
    else if (cluster.node(step.id).isUp !== (step.kind === 'restart')) cluster[step.kind](step.id)
  cluster.heal()
}

/** Whether a server's log holds all that was committed: what it lacks was lost with others, and is nobody's mistake. */
function holdsCommitted(cluster: RaftCluster, id: string): boolean {
  const { disk } = cluster.node(id)
  for (let index = 1; ; index += 1) {
    const committed = cluster.committedAt(index)
    if (committed === undefined) return true
    if (index > disk.lastIndex()) return false
    const { term, payload } = disk.entry(index)
    if (committed !== `${term}:${Buffer.from(payload).toString('base64')}`) return false
  }
}

function mostUpToDate(cluster: RaftCluster, left: readonly string[]): string {
  const [best = ''] = left.toSorted((a, b) => {
    const [one, other] = [cluster.node(a).disk, cluster.node(b).disk]
    const byTerm = other.term(other.lastIndex()) - one.term(one.lastIndex())
    return byTerm === 0 ? other.lastIndex() - one.lastIndex() : byTerm
  })
  return best
}

/** Whether those who are left come to the same log, which continues one of these. The cluster itself asserts all else. */
function continues(
  cluster: RaftCluster,
  left: readonly string[],
  ...kept: readonly (readonly string[])[]
): boolean {
  cluster.run(15_000)
  propose(cluster, 'last')
  cluster.run(1_000)
  const [first = '', ...others] = left.map((id) => commandsOf(cluster, id).join())
  return (
    others.every((other) => other === first) &&
    kept.some((commands) => [...commands, 'last'].join() === first)
  )
}

const survivors = fc.subarray(ids, { minLength: 1, maxLength: 3 })
const often = { verbose: true, numRuns: 100 }

t.test(
  'whatever went before, one voter that has most keeps all that it has, and gives it to the others',
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, survivors, async (story, left) => {
        const cluster = new RaftCluster({ membership: members(ids) })
        cluster.run(5_000)
        tell(cluster, story)
        const best = mostUpToDate(cluster, left)
        fc.pre(holdsCommitted(cluster, best))
        const kept = commandsOf(cluster, best)
        const others = left.filter((id) => id !== best)
        await force(cluster, left, members([best], others))
        return continues(cluster, left, kept)
      }),
      often,
    )
  },
)

t.test('whatever went before, two voters keep all that either has', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.subarray(ids, { minLength: 2, maxLength: 2 }),
      async (story, left) => {
        const cluster = new RaftCluster({ membership: members(ids) })
        cluster.run(5_000)
        tell(cluster, story)
        const best = mostUpToDate(cluster, left)
        fc.pre(holdsCommitted(cluster, best))
        const kept = commandsOf(cluster, best)
        await force(cluster, left, members(left))
        return continues(cluster, left, kept)
      },
    ),
    often,
  )
})

t.test('whatever went before, three voters keep what all of them have, and agree', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.subarray(ids, { minLength: 3, maxLength: 3 }),
      async (story, left) => {
        const cluster = new RaftCluster({ membership: members(ids) })
        cluster.run(5_000)
        tell(cluster, story)
        fc.pre(left.every((id) => holdsCommitted(cluster, id)))
        const logs = left.map((id) => commandsOf(cluster, id))
        await force(cluster, left, members(left))
        return continues(cluster, left, ...logs)
      },
    ),
    often,
  )
})
