import t from 'tap'

import { decodeAckPayload, encodeAckPayload } from '../../../../server/gossip/wire/ack-payload.ts'
import { origin } from '../../../../server/model/coordinate.ts'
import { memberOf, SerfPool } from '../../../support/serf-pool.ts'
import type { SerfNode } from '../../../support/serf-pool.ts'

/** What our acks say now. */
function shared(node: SerfNode) {
  const command = node.commands.findLast(({ kind }) => kind === 'setAckPayload')
  return command?.kind === 'setAckPayload' ? decodeAckPayload(command.payload) : undefined
}

t.test('each answered ping moves us, and our next ack says where to', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  t.strictSame(shared(a), origin)
  const there = { ...origin, Vec: [0.1, 0, 0, 0, 0, 0, 0, 0] }
  pool.tell(a, { kind: 'acked', node: 'b', rttMs: 50, payload: encodeAckPayload(there) })
  t.strictSame(a.core.coordinateOf('b'), there)
  t.ok((a.core.coordinate().Vec[0] ?? 0) > 0, 'it was less far than it said')
  t.strictSame(shared(a), a.core.coordinate())
  const rtt = a.core.expectedRttMs('b') ?? 0
  t.ok(rtt > 50 && rtt < 100.02, `${rtt} ms are expected`)
  pool.tell(a, { kind: 'reaped', member: memberOf(b, 'dead') })
  t.equal(a.core.coordinateOf('b'), null)
  t.equal(a.core.expectedRttMs('b'), null)
})

t.test('an ack without a place, or with one that is none, moves nobody', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a', 'b']) as [SerfNode]
  const bad = { ...origin, Height: Number.NaN }
  const payloads = [new Uint8Array(), Uint8Array.of(2, 1), encodeAckPayload(bad)]
  for (const payload of payloads) pool.tell(a, { kind: 'acked', node: 'b', rttMs: 5, payload })
  const far = encodeAckPayload(origin)
  pool.tell(a, { kind: 'acked', node: 'b', rttMs: 10_001, payload: far })
  pool.tell(a, { kind: 'acked', node: 'stranger', rttMs: 5, payload: far })
  t.strictSame(a.core.coordinate(), origin)
  t.equal(a.core.coordinateOf('b'), null)
})

t.test('where it stood is where it begins after a restart', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a', 'b']) as [SerfNode]
  pool.tell(a, { kind: 'acked', node: 'b', rttMs: 50, payload: encodeAckPayload(origin) })
  const again = pool.add('c', { restored: a.core.memory() })
  t.strictSame(again.core.coordinate(), a.core.coordinate())
  t.strictSame(shared(again), a.core.coordinate())
})
