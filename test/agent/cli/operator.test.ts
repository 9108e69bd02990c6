import t from 'tap'

import type { AutopilotState } from '../../../server/model/autopilot.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import type { Rpc } from '../../../server/model/methods.ts'
import { follow, runLine, wordsOf } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const wrong = { code: 1 }

t.test('who takes part stands in columns', async (t) => {
  const peer = { Node: 's1', ID: 'id1', Address: '10.0.0.1:8300', ProtocolVersion: '3' }
  const { port } = await serve(
    t,
    fakePorts({
      operator: {
        raftServers: async ({ stale }) => [
          { ...peer, Leader: !stale, Voter: true },
          { ...peer, Node: 'server2', Leader: false, Voter: false },
        ],
      },
    }),
  )
  await follow(t, port, [
    [
      'operator raft list-peers',
      'Node     ID   Address        State     Voter  RaftProtocol\n' +
        's1       id1  10.0.0.1:8300  leader    true   3\n' +
        'server2  id1  10.0.0.1:8300  follower  false  3\n',
    ],
    [
      'operator raft list-peers -stale',
      'Node     ID   Address        State     Voter  RaftProtocol\n' +
        's1       id1  10.0.0.1:8300  follower  true   3\n' +
        'server2  id1  10.0.0.1:8300  follower  false  3\n',
    ],
  ])
  await follow(
    t,
    port,
    [
      [
        'operator raft list-peers',
        'Error getting peers: Failed to retrieve raft configuration: Get "http://127.0.0.1:1/v1/operator/raft/configuration": dial tcp 127.0.0.1:1: connect: connection refused\n',
        wrong,
      ],
    ],
    { CONSUL_HTTP_ADDR: '127.0.0.1:1' },
  )
})

t.test('a peer is removed, or it is said why not', async (t) => {
  const { port } = await serve(
    t,
    fakePorts({
      operator: {
        removePeer: async (given) => {
          if ('id' in given && given.id === 'x')
            throw new PraetorError('failed', 'id "x" was not found in the Raft configuration')
        },
      },
    }),
  )
  await follow(t, port, [
    ['operator raft remove-peer -id=id2', 'Removed peer with id "id2"\n'],
    [
      'operator raft remove-peer -address=10.0.0.2:8300',
      'Removed peer with address "10.0.0.2:8300"\n',
    ],
    [
      'operator raft remove-peer',
      'Error removing peer: an address or id is required for the peer to remove\n',
      wrong,
    ],
    [
      'operator raft remove-peer -id=x -address=y',
      'Error removing peer: cannot give both an address and id\n',
      wrong,
    ],
    [
      'operator raft remove-peer -id=x',
      'Error removing peer: Unexpected response code: 500 (id "x" was not found in the Raft configuration)\n',
      wrong,
    ],
  ])
})

t.test('a leader lets another lead, or it is said that it does not', async (t) => {
  const operator = { transferLeader: async (id: string | undefined) => id !== 'busy' }
  const { port } = await serve(t, fakePorts({ operator }))
  await follow(t, port, [
    ['operator raft transfer-leader', 'Success\n'],
    ['operator raft transfer-leader -id=id2', 'Success\n'],
    [
      'operator raft transfer-leader -id=busy',
      'Error transferring leadership: the leader still leads\n',
      wrong,
    ],
  ])
})

t.test('settings are printed, and those that are given are changed', async (t) => {
  const { port } = await serve(t, { rpc: localRpc().rpc })
  await follow(t, port, [
    [
      'operator autopilot get-config',
      'CleanupDeadServers = true\nLastContactThreshold = 200ms\nMaxTrailingLogs = 250\nMinQuorum = 0\n' +
        'ServerStabilizationTime = 10s\nRedundancyZoneTag = ""\nDisableUpgradeMigration = false\nUpgradeVersionTag = ""\n',
    ],
    [
      'operator autopilot set-config -cleanup-dead-servers=false -last-contact-threshold=-5s -redundancy-zone-tag=zone',
      'Configuration updated!\n',
    ],
    [
      'operator autopilot set-config -max-trailing-logs=100 -min-quorum=3 -server-stabilization-time=7s -disable-upgrade-migration',
      'Configuration updated!\n',
    ],
    [
      'operator autopilot get-config',
      'CleanupDeadServers = false\nLastContactThreshold = -5s\nMaxTrailingLogs = 100\nMinQuorum = 3\n' +
        'ServerStabilizationTime = 7s\nRedundancyZoneTag = "zone"\nDisableUpgradeMigration = true\nUpgradeVersionTag = ""\n',
    ],
  ])
})

t.test('settings that others changed meanwhile are left alone', async (t) => {
  const { rpc } = localRpc()
  const racing: Rpc = {
    read: (method, args, options) => rpc.read(method, args, options),
    write: (method, args, options) => rpc.write(method, { ...args, AtIndex: 9 }, options),
  }
  const { port } = await serve(t, { rpc: racing })
  const line = 'operator autopilot set-config -min-quorum=3'
  t.strictSame(await runLine(wordsOf(line), { env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` } }), {
    code: 1,
    out: 'Configuration could not be atomically updated, please try again\n',
    err: '',
  })
})

t.test('how the servers are is told as later Consuls do', async (t) => {
  const server = {
    Address: '10.0.0.1:8300',
    Version: '1.8.7',
    NodeStatus: 'alive',
    LastContactMs: 5.5,
    LastTerm: 2,
    LastIndex: 11,
    Healthy: true,
    StableSinceMs: 0,
    Meta: {},
  } as const
  const state: AutopilotState = {
    Healthy: true,
    FailureTolerance: 0,
    Leader: 'id1',
    Voters: ['id1', 'id2'],
    Servers: [
      { ...server, ID: 'id2', Name: 's2', Status: 'voter', Meta: { b: '2', a: '1' } },
      { ...server, ID: 'id1', Name: 's1', Status: 'leader', LastContactMs: 0 },
    ],
  }
  const { port } = await serve(t, fakePorts({ operator: { autopilotState: async () => state } }))
  await follow(t, port, [
    [
      'operator autopilot state',
      `Healthy:                      true
Failure Tolerance:            0
Optimistic Failure Tolerance: 0
Leader:                       id1
Voters:
   id1
   id2
Servers:
   id1
      Name:            s1
      Address:         10.0.0.1:8300
      Version:         1.8.7
      Status:          leader
      Node Type:       voter
      Node Status:     alive
      Healthy:         true
      Last Contact:    0s
      Last Term:       2
      Last Index:      11
   id2
      Name:            s2
      Address:         10.0.0.1:8300
      Version:         1.8.7
      Status:          voter
      Node Type:       voter
      Node Status:     alive
      Healthy:         true
      Last Contact:    5.5ms
      Last Term:       2
      Last Index:      11
      Meta
         "a": "1"
         "b": "2"

`,
    ],
    ['operator autopilot state -format=yaml', 'Unknown format: yaml\n', wrong],
  ])
})

t.test('groups in groups are listed where they stand', async (t) => {
  const { out, err } = await runLine(['operator'])
  t.match(out + err, /Subcommands:\n {4}autopilot {4}.*\n {4}raft {9}.*\n$/)
  const top = await runLine([])
  t.notMatch(top.err, /operator raft/)
})
