import fc from 'fast-check'
import t from 'tap'

import { ClusterCalls } from '../../../server/cluster-calls.ts'
import type { AutopilotServer, AutopilotState } from '../../../server/model/autopilot.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { goTime } from '../../../server/rpc/go-time.ts'
import { serverHealth } from '../../../server/rpc/wire-methods/server-health.ts'
import { decodeMsgpackPrefix, encodeMsgpack } from '../../../server/wire/msgpack.ts'

const server: AutopilotServer = {
  ID: '11accf65-074f-9d2d-5e4b-6755b443b934',
  Name: 's0',
  Address: '127.0.0.1:8300',
  NodeStatus: 'alive',
  Version: '1.8.7',
  Status: 'leader',
  LastContactMs: 0,
  LastTerm: 2,
  LastIndex: 12,
  Healthy: true,
  StableSinceMs: Date.UTC(2026, 10, 24, 4, 46, 38),
  Meta: {},
}
const state: AutopilotState = {
  Healthy: false,
  FailureTolerance: 1,
  Leader: server.ID,
  Voters: [server.ID, 'other'],
  Servers: [
    server,
    { ...server, ID: 'other', Status: 'voter', LastContactMs: 12.5, NodeStatus: 'failed' },
    { ...server, ID: 'third', Status: 'non-voter', LastContactMs: -1, NodeStatus: 'none' },
  ],
}

t.test('a time is read as Go writes it', (t) => {
  const written = Buffer.from('010000000ee2970dae102132290000', 'hex')
  t.equal(new Date(goTime.fromWire(written)).toISOString(), '2026-11-24T04:46:38.270Z')
  t.equal(new Date(goTime.fromWire(null)).toISOString(), '0001-01-01T00:00:00.000Z')
  for (const wrong of [Buffer.alloc(15), Buffer.alloc(3), 7])
    t.throws(() => goTime.fromWire(wrong), { message: 'rpc: a time was expected' })
  t.end()
})

t.test('a time comes back from the wire as it went', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -1e14, max: 4e14 }), (ms) => {
      const { value } = decodeMsgpackPrefix(
        encodeMsgpack(goTime.toWire(ms), { oldSpec: true }),
        0,
        {
          exactRaw: true,
        },
      )
      return goTime.fromWire(value) === ms
    }),
  )
  t.end()
})

t.test('how servers are comes back from Consul’s form of it as it went', (t) => {
  t.strictSame(serverHealth.fromWire(serverHealth.toWire(state)), state)
  t.end()
})

t.test('a Consul is asked in its own words', async (t) => {
  const asked: string[] = []
  const calls = new ClusterCalls(async (method) => {
    asked.push(method)
    if (method === 'Operator.ServerHealth') return serverHealth.toWire(state)
    throw new PraetorError('failed', `rpc error making call: rpc: can't find method ${method}`)
  })
  t.strictSame(await calls.autopilotState(), state)
  t.strictSame(asked, ['Operator.AutopilotState', 'Operator.ServerHealth'])
})

t.test('whatever else went wrong is not asked again', async (t) => {
  const calls = new ClusterCalls(() =>
    Promise.reject(new PraetorError('failed', 'No cluster leader')),
  )
  await t.rejects(calls.autopilotState(), { message: 'No cluster leader' })
})
