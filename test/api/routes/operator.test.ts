import t from 'tap'

import { defaultAutopilotConfig } from '../../../server/model/autopilot.ts'
import type { AutopilotServer, AutopilotState } from '../../../server/model/autopilot.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { fakePorts, fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const server = {
  ID: 'id1',
  Node: 's1',
  Address: '127.0.0.1:8300',
  Leader: true,
  ProtocolVersion: '3',
  Voter: true,
}

t.test('who takes part is asked of the leader, or of anyone', async (t) => {
  const asked: boolean[] = []
  const { ask } = await serve(
    t,
    fakePorts({
      operator: {
        raftServers: async ({ stale }) => {
          asked.push(stale)
          return [server]
        },
      },
    }),
  )
  const body =
    '{"Servers":[{"ID":"id1","Node":"s1","Address":"127.0.0.1:8300","Leader":true,"ProtocolVersion":"3","Voter":true}],"Index":0}'
  for (const query of ['', '?stale', '?consistent'])
    t.match(await ask('GET', `/v1/operator/raft/configuration${query}`), { status: 200, body })
  t.strictSame(asked, [false, true, false])
})

t.test('a peer is removed by its id or its address', async (t) => {
  const removed: object[] = []
  const { ask } = await serve(
    t,
    fakePorts({
      operator: {
        removePeer: async (peer) => {
          removed.push(peer)
          if ('id' in peer && peer.id === 'x')
            throw new PraetorError('failed', 'id "x" was not found in the Raft configuration')
        },
      },
    }),
  )
  const cases: readonly [string, number, string][] = [
    [
      '',
      400,
      "Bad request: Must specify either ?id with the server's ID or ?address with IP:port of peer to remove",
    ],
    ['?id=a&address=b', 400, 'Bad request: Must specify only one of ?id or ?address'],
    ['?id=x', 500, 'id "x" was not found in the Raft configuration'],
    ['?id=a', 200, ''],
    ['?id=', 200, ''],
    ['?address=1.2.3.4:5', 200, ''],
    ['?id=a&dc=other', 500, 'No path to datacenter'],
  ]
  for (const [query, status, body] of cases)
    t.match(await ask('DELETE', `/v1/operator/raft/peer${query}`), { status, body }, query)
  t.strictSame(removed, [{ id: 'x' }, { id: 'a' }, { id: '' }, { address: '1.2.3.4:5' }])
  t.match(await ask('GET', '/v1/operator/raft/peer'), {
    status: 405,
    body: 'method GET not allowed',
  })
})

t.test('a leader is asked to let another lead', async (t) => {
  const asked: unknown[] = []
  const { ask } = await serve(
    t,
    fakePorts({
      operator: {
        transferLeader: async (id) => {
          asked.push(id)
          return id !== 'busy'
        },
      },
    }),
  )
  const path = '/v1/operator/raft/transfer-leader'
  t.match(await ask('POST', path), { status: 200, body: '{"Success":true}' })
  t.match(await ask('POST', `${path}?id=busy`), { status: 200, body: '{"Success":false}' })
  t.strictSame(asked, [undefined, 'busy'])
})

t.test('settings of autopilot are printed as Consul does', async (t) => {
  const row = { ...defaultAutopilotConfig, CreateIndex: 4, ModifyIndex: 9 }
  const rpc = fakeRpc({ 'Operator.AutopilotGetConfiguration': () => row })
  const { ask } = await serve(t, { rpc })
  t.match(await ask('GET', '/v1/operator/autopilot/configuration'), {
    status: 200,
    body:
      '{"CleanupDeadServers":true,"LastContactThreshold":"200ms","MaxTrailingLogs":250,"MinQuorum":0,' +
      '"ServerStabilizationTime":"10s","RedundancyZoneTag":"","DisableUpgradeMigration":false,"UpgradeVersionTag":"",' +
      '"CreateIndex":4,"ModifyIndex":9}',
  })
})

t.test(
  'settings of autopilot are replaced, and mistakes told in the words of Consul',
  async (t) => {
    const rpc = fakeRpc({ 'Operator.AutopilotSetConfiguration': () => true })
    const { ask } = await serve(t, { rpc })
    const path = '/v1/operator/autopilot/configuration'
    const cases: readonly [string, string, number, string | RegExp][] = [
      ['', '{', 400, 'Bad request: Error parsing autopilot config: unexpected EOF'],
      ['', '', 400, 'Bad request: Error parsing autopilot config: EOF'],
      [
        '',
        '{"LastContactThreshold":"x"}',
        400,
        'Bad request: Error parsing autopilot config: time: invalid duration "x"',
      ],
      [
        '',
        '{"serverstabilizationtime":true}',
        400,
        'Bad request: Error parsing autopilot config: strconv.ParseFloat: parsing "true": invalid syntax',
      ],
      [
        '',
        '[]',
        400,
        'Bad request: Error parsing autopilot config: json: cannot unmarshal array into Go value of type api.AutopilotConfiguration',
      ],
      [
        '',
        '{"Foo":1}',
        400,
        'Bad request: Error parsing autopilot config: json: unknown field "Foo"',
      ],
      [
        '',
        '{"MaxTrailingLogs":-1}',
        400,
        'Bad request: Error parsing autopilot config: json: cannot unmarshal number -1 into Go struct field AutopilotConfiguration.MaxTrailingLogs of type uint64',
      ],
      [
        '',
        '{"MinQuorum":-1}',
        400,
        'Bad request: Error parsing autopilot config: json: cannot unmarshal number -1 into Go struct field AutopilotConfiguration.MinQuorum of type uint',
      ],
      [
        '?cas=x',
        '{}',
        400,
        'Bad request: Error parsing cas value: strconv.ParseUint: parsing "x": invalid syntax',
      ],
      ['', '{}', 200, 'true'],
    ]
    for (const [query, body, status, text] of cases)
      t.match(await ask('PUT', path + query, { body }), { status, body: text }, `${query} ${body}`)
    const none = {
      CleanupDeadServers: false,
      LastContactThresholdMs: 0,
      MaxTrailingLogs: 0,
      MinQuorum: 0,
      ServerStabilizationTimeMs: 0,
      RedundancyZoneTag: '',
      DisableUpgradeMigration: false,
      UpgradeVersionTag: '',
    }
    t.strictSame(rpc.asked.at(-1)?.args, { Config: none })
    await ask('PUT', `${path}?cas=9`, {
      body: '{"cleanupdeadservers":true,"LastContactThreshold":"300ms","ServerStabilizationTime":7000000000,"MinQuorum":3,"ModifyIndex":4}',
    })
    t.strictSame(rpc.asked.at(-1)?.args, {
      Config: {
        ...none,
        CleanupDeadServers: true,
        LastContactThresholdMs: 300,
        ServerStabilizationTimeMs: 7000,
        MinQuorum: 3,
      },
      AtIndex: 9,
    })
  },
)

const well: AutopilotServer = {
  ID: 'id1',
  Name: 's1',
  Address: '127.0.0.1:8300',
  NodeStatus: 'alive',
  Version: '1.8.7',
  Status: 'leader',
  LastContactMs: 0,
  LastTerm: 2,
  LastIndex: 11,
  Healthy: true,
  StableSinceMs: Date.UTC(2026, 10, 23, 16, 28, 13, 999),
  Meta: {},
}

function stateOf(...Servers: readonly AutopilotServer[]): AutopilotState {
  const Healthy = Servers.every((one) => one.Healthy)
  return { Healthy, FailureTolerance: 0, Leader: 'id1', Voters: ['id1'], Servers }
}

t.test('health is 200 when all are well, and 429 and plain text when one is not', async (t) => {
  let state = stateOf(well)
  const { ask } = await serve(t, fakePorts({ operator: { autopilotState: async () => state } }))
  const path = '/v1/operator/autopilot/health'
  const first =
    '{"ID":"id1","Name":"s1","Address":"127.0.0.1:8300","SerfStatus":"alive","Version":"1.8.7","Leader":true,"LastContact":"0s",' +
    '"LastTerm":2,"LastIndex":11,"Healthy":true,"Voter":true,"StableSince":"2026-11-23T16:28:13Z"}'
  t.match(await ask('GET', path), {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: `{"Healthy":true,"FailureTolerance":0,"Servers":[${first}]}`,
  })
  state = stateOf(well, {
    ...well,
    ID: 'id2',
    Name: 's2',
    NodeStatus: 'failed',
    Status: 'non-voter',
    LastContactMs: -1,
    LastTerm: 0,
    LastIndex: 0,
    Healthy: false,
  })
  const second =
    '{"ID":"id2","Name":"s2","Address":"127.0.0.1:8300","SerfStatus":"failed","Version":"1.8.7","Leader":false,"LastContact":"-1ns",' +
    '"LastTerm":0,"LastIndex":0,"Healthy":false,"Voter":false,"StableSince":"2026-11-23T16:28:13Z"}'
  t.match(await ask('GET', path), {
    status: 429,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: `{"Healthy":false,"FailureTolerance":0,"Servers":[${first},${second}]}`,
  })
  t.match(await ask('GET', `${path}?pretty`), { status: 429, body: /^\{\n {4}"Healthy": false/ })
  t.match(await ask('GET', `${path}?dc=x`), { status: 500, body: 'No path to datacenter' })
})

t.test('the state is as later Consuls show it', async (t) => {
  const { ask } = await serve(
    t,
    fakePorts({
      operator: { autopilotState: async () => stateOf({ ...well, LastContactMs: 5.82528 }) },
    }),
  )
  const { body } = await ask('GET', '/v1/operator/autopilot/state')
  t.equal(
    body,
    '{"Healthy":true,"FailureTolerance":0,"OptimisticFailureTolerance":0,"Servers":{"id1":{"ID":"id1","Name":"s1",' +
      '"Address":"127.0.0.1:8300","NodeStatus":"alive","Version":"1.8.7","LastContact":"5.82528ms","LastTerm":2,"LastIndex":11,' +
      '"Healthy":true,"StableSince":"2026-11-23T16:28:13Z","ReadReplica":false,"Status":"leader","Meta":{},"NodeType":"voter"}},' +
      '"Leader":"id1","Voters":["id1"]}',
  )
})
