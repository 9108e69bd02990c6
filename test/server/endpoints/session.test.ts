import t from 'tap'

import { endpoints } from '../../../server/endpoints/table.ts'
import type { SessionRequest } from '../../../server/model/methods.ts'
import { Leader } from '../../support/leader.ts'
import { sessionId } from '../../support/log.ts'

/** A leader whose catalog has n1 with its gossip check and c1. */
function prepared(): Leader {
  const leader = new Leader()
  leader.log.node('n1')
  leader.log.check('n1', 'serfHealth')
  leader.log.check('n1', 'c1')
  return leader
}

const create = (leader: Leader, more: Partial<SessionRequest> = {}): Promise<string> =>
  leader.write('Session.Apply', { Op: 'create', Session: { Node: 'n1', ...more } })

t.test('a session that asks for nothing gets these', async (t) => {
  const leader = prepared()
  const ID = await create(leader)
  t.match(ID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const { value } = leader.read('Session.Get', { SessionID: ID })
  t.strictSame(value, [
    {
      ID,
      Name: '',
      Node: 'n1',
      LockDelay: 15_000_000_000,
      Behavior: 'release',
      TTL: '',
      NodeChecks: ['serfHealth'],
      ServiceChecks: null,
      CreateIndex: 4,
      ModifyIndex: 4,
    },
  ])
  t.strictSame(leader.renewed, [ID], 'its time begins')
})

t.test('what a session asks for is kept', async (t) => {
  const leader = prepared()
  const ID = await create(leader, {
    Name: 'mine',
    LockDelayMs: 0.001,
    Behavior: 'delete',
    TTL: '10s',
    ServiceChecks: [{ ID: 'c1', Namespace: '' }],
  })
  t.match(leader.read('Session.List', {}), {
    index: 4,
    value: [
      {
        ID,
        Name: 'mine',
        LockDelay: 1_000,
        Behavior: 'delete',
        TTL: '10s',
        ServiceChecks: [{ ID: 'c1', Namespace: '' }],
      },
    ],
  })
})

t.test('the two names for the checks of a node go together like this', async (t) => {
  const cases: readonly (readonly [Partial<SessionRequest>, readonly string[], string[]?])[] = [
    [{}, ['serfHealth']],
    [{ Checks: [] }, []],
    [{ NodeChecks: [] }, []],
    [{ Checks: [], NodeChecks: ['c1'] }, []],
    [{ NodeChecks: ['c1'] }, ['c1']],
    [{ Checks: ['serfHealth'] }, ['serfHealth']],
    [{ Checks: ['serfHealth'], NodeChecks: ['c1'] }, ['c1']],
    [{ Checks: ['c1'] }, ['serfHealth'], ['c1']],
    [{ Checks: ['serfHealth', 'c1'] }, ['serfHealth'], ['serfHealth', 'c1']],
  ]
  for (const [given, NodeChecks, Checks] of cases) {
    const leader = prepared()
    const SessionID = await create(leader, given)
    const [session] = leader.read('Session.Get', { SessionID }).value
    t.strictSame(
      [session?.NodeChecks, session?.Checks],
      [NodeChecks, Checks],
      JSON.stringify(given),
    )
  }
})

t.test('what is no session is refused in these words', async (t) => {
  const between = 'must be between [10s=24h0m0s]'
  const cases: readonly (readonly [Partial<SessionRequest>, string])[] = [
    [{ Node: '' }, 'Must provide Node'],
    [{ Node: 'n9' }, 'Missing node registration'],
    [{ Behavior: 'bogus', TTL: 'bad' }, "Invalid Behavior setting 'bogus'"],
    [{ TTL: 'bad' }, 'Session TTL \'bad\' invalid: time: invalid duration "bad"'],
    [{ TTL: '15' }, 'Session TTL \'15\' invalid: time: missing unit in duration "15"'],
    [{ TTL: '5s' }, `Invalid Session TTL '5000000000', ${between}`],
    [{ TTL: '-5s' }, `Invalid Session TTL '-5000000000', ${between}`],
    [{ TTL: '25h' }, `Invalid Session TTL '90000000000000', ${between}`],
    [{ NodeChecks: ['x'] }, "Missing check 'x' registration"],
  ]
  for (const [given, message] of cases) {
    const leader = prepared()
    await t.rejects(create(leader, given), { kind: 'failed', message }, message)
    t.strictSame(leader.renewed, [])
  }
})

t.test('a session may be without end', async (t) => {
  for (const TTL of ['', '0', '0s']) {
    const leader = prepared()
    const SessionID = await create(leader, { TTL })
    t.match(leader.read('Session.Get', { SessionID }).value, [{ TTL }])
  }
})

t.test('ids are never given twice', async (t) => {
  const leader = prepared()
  const first = await create(leader)
  const ids = [first, first, sessionId(2)]
  const context = {
    ...leader.context,
    chance: { ...leader.context.chance, uuid: () => ids.shift() ?? '' },
  }
  t.equal(
    await endpoints['Session.Apply'].run(context, { Op: 'create', Session: { Node: 'n1' } }),
    sessionId(2),
  )
})

t.test('destroying is done, there or not, if it can be an id', async (t) => {
  const leader = prepared()
  const ID = await create(leader)
  const destroy = (id: string): Promise<string> =>
    leader.write('Session.Apply', { Op: 'destroy', Session: { ID: id } })
  t.equal(await destroy(ID), ID)
  t.equal(await destroy(ID), ID)
  t.equal(leader.log.store.sessions.size, 0)
  await t.rejects(destroy(''), { message: 'Must provide ID' })
  await t.rejects(destroy('x'), {
    kind: 'failed',
    message: 'failed session lookup: index error: UUID must be 36 characters',
  })
})

t.test('renewing begins a session anew and needs no entry in the log', async (t) => {
  const leader = prepared()
  const ID = await create(leader, { TTL: '10s' })
  leader.renewed.length = 0
  t.match(await leader.write('Session.Renew', { SessionID: ID.toUpperCase() }), { ID })
  t.strictSame(leader.renewed, [ID])
  t.equal(await leader.write('Session.Renew', { SessionID: sessionId(9) }), undefined)
  await t.rejects(leader.write('Session.Renew', { SessionID: 'x' }), {
    message: 'failed session lookup: index error: UUID must be 36 characters',
  })
  t.strictSame(leader.proposed, ['session-create'])
})

t.test('sessions are found by their node', async (t) => {
  const leader = prepared()
  const ID = await create(leader)
  t.match(leader.read('Session.NodeSessions', { Node: 'N1' }), {
    index: 4,
    value: [{ ID }],
  })
  t.strictSame(leader.read('Session.NodeSessions', { Node: 'n2' }), {
    index: 4,
    value: [],
  })
})
