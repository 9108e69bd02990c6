import t from 'tap'

import { ClusterCalls } from '../../server/cluster-calls.ts'
import type { AutopilotState } from '../../server/model/autopilot.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { Operator } from '../../server/operator.ts'
import type { OperatorMethod } from '../../server/operator.ts'
import type { MembershipChange } from '../../server/raft/core/output.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import { CallFailed } from '../../server/rpc/caller.ts'
import { NotLeader } from '../../server/rpc/error-wire.ts'
import type { Calls } from '../../server/rpc/pool.ts'
import { fieldsOf } from '../../server/rpc/shape.ts'
import { VirtualClock } from '../support/clock.ts'
import { serverNamed } from '../support/pool.ts'

const state: AutopilotState = {
  Healthy: true,
  FailureTolerance: 1,
  Leader: 'id1',
  Voters: ['id1', 'id2', 'id3'],
  Servers: [],
}

/** Three servers, of which the first leads; calls between them cross no wire. */
function cluster() {
  const clock = new VirtualClock()
  const made: MembershipChange[] = []
  const world = {
    leader: 'id1' as string | undefined,
    voters: ['id1', 'id2', 'id3'],
    obeys: true,
    failures: [] as Error[],
    listeners: new Set<(leading: boolean) => void>(),
  }
  const operators = new Map<string, Operator>()
  const calls: Calls = {
    async call({ address }, method, body) {
      const failure = world.failures.shift()
      if (failure) throw failure
      const operator = operators.get(address)
      if (!operator) throw new CallFailed('connection refused', { sent: false })
      return operator.methods[method as OperatorMethod](fieldsOf(body))
    },
  }
  const open = (id: string): ClusterCalls => {
    const operator = new Operator({
      clock,
      calls,
      holdMs: 7_000,
      members: () => [serverNamed('s1', 'id1'), serverNamed('s2', 'id2')],
      participant: async () => ({
        id,
        autopilot: { state: () => state },
        leaderAddress: () => (world.leader === undefined ? '' : `${world.leader}:8300`),
        raft: {
          isLeader: () => world.leader === id,
          leader: () => world.leader,
          membership: () => ({
            ...emptyMembership,
            voters: world.voters,
            learners: ['id4'],
            addresses: Object.fromEntries(
              [...world.voters, 'id4'].map((one) => [one, `${one}:8300`]),
            ),
          }),
          changeMembership: async (changes) => void made.push(...changes),
          transferLeadership: (to) => {
            if (!world.obeys) return
            world.leader = to ?? 'id2'
            for (const listener of world.listeners) listener(false)
          },
          onLeadership: (listener) => {
            world.listeners.add(listener)
            return { [Symbol.dispose]: () => void world.listeners.delete(listener) }
          },
        },
      }),
    })
    operators.set(`${id}:8300`, operator)
    return new ClusterCalls((method, body) => operator.methods[method as OperatorMethod](body))
  }
  return { clock, made, world, operators: [open('id1'), open('id2'), open('id3')] as const }
}

t.test('every server gives what the leader knows', async (t) => {
  const { operators } = cluster()
  for (const operator of operators) {
    const servers = await operator.raftServers({ stale: false })
    t.strictSame(
      servers.map(({ ID, Node, Leader, Voter }) => [ID, Node, Leader, Voter]),
      [
        ['id1', 's1', true, true],
        ['id2', 's2', false, true],
        ['id3', '(unknown)', false, true],
        ['id4', '(unknown)', false, false],
      ],
    )
    t.strictSame(await operator.autopilotState(), state)
  }
})

t.test(
  'without a leader a stale answer is given at once, and others after the hold is an error',
  async (t) => {
    const { operators, clock, world } = cluster()
    const [operator] = operators
    world.leader = undefined
    t.equal((await operator.raftServers({ stale: true })).length, 4)
    const waiting = operator.raftServers({ stale: false }).catch((error: unknown) => error)
    await clock.advance(7_100)
    t.match(await waiting, { message: 'No cluster leader' })
  },
)

t.test(
  'a question that was not heard is asked again, one that may have been heard is not',
  async (t) => {
    const { operators, clock, world, made } = cluster()
    const [, operator] = operators
    world.failures.push(new NotLeader(), new CallFailed('refused', { sent: false }))
    const removing = operator.removePeer({ id: 'id3' })
    await clock.advance(100)
    await removing
    t.strictSame(made, [{ kind: 'remove', id: 'id3' }])
    world.failures.push(new CallFailed('connection lost', { sent: true }))
    await t.rejects(operator.removePeer({ id: 'id3' }), { message: 'connection lost' })
    t.equal(made.length, 1)
  },
)

t.test('a peer that there is not is not removed, and the last voter neither', async (t) => {
  const { operators, made, world } = cluster()
  for (const operator of operators) {
    await t.rejects(operator.removePeer({ id: 'x' }), {
      message: 'id "x" was not found in the Raft configuration',
    })
    await t.rejects(operator.removePeer({ address: '1.2.3.4:5' }), {
      message: 'address "1.2.3.4:5" was not found in the Raft configuration',
    })
  }
  await operators[2].removePeer({ address: 'id4:8300' })
  t.strictSame(made, [{ kind: 'remove', id: 'id4' }])
  world.voters = ['id1']
  await t.rejects(operators[1].removePeer({ id: 'id1' }), {
    message: 'Need at least one voter in configuration: {[]}',
  })
})

t.test(
  'leadership goes to whom it is asked for, or to anyone, or is said to have stayed',
  async (t) => {
    const { operators, world, clock } = cluster()
    const [first, second] = operators
    t.equal(await second.transferLeader('id3'), true)
    t.equal(world.leader, 'id3')
    t.equal(await first.transferLeader(undefined), true)
    t.equal(world.leader, 'id2')
    t.equal(await first.transferLeader('id2'), true, 'who leads already')
    await t.rejects(first.transferLeader('id4'), PraetorError, 'who has no vote')
    world.obeys = false
    const asked = first.transferLeader('id1')
    await clock.advance(5_000)
    t.equal(await asked, false)
    world.voters = ['id2']
    await t.rejects(first.transferLeader(undefined), { message: 'cannot find peer' })
    t.equal(world.listeners.size, 0)
  },
)
