import fc from 'fast-check'

import type { KvWriteVerb } from '../../server/model/kv.ts'
import type { TxnOp } from '../../server/model/txn.ts'
import { bytes, plainCheck, sessionId } from './log.ts'
import type { Log } from './log.ts'

/** One command of a random history: few names, so that commands meet each other. */
export type Step = (log: Log) => void

const key = fc.constantFrom('a', 'a/b', 'a/b/c', 'b', 'é', '\u{1f600}')
const session = fc.nat(3).map(sessionId)
const node = fc.constantFrom('n1', 'n2')
const index = fc.nat(30)
const flags = fc.oneof(fc.nat(), fc.constant(2n ** 64n - 1n))
const value = fc.oneof(fc.string({ maxLength: 12 }), fc.constant('x'.repeat(70_000)))

const kvStep = fc.record({
  verb: fc.constantFrom<KvWriteVerb>(
    'set',
    'set',
    'cas',
    'lock',
    'lock',
    'unlock',
    'delete',
    'delete-cas',
    'delete-tree',
  ),
  key,
  value,
  more: fc.record({ Flags: flags, Session: session, ModifyIndex: index }),
})

const catalogOp: fc.Arbitrary<TxnOp> = fc.oneof(
  fc
    .record({ Verb: fc.constantFrom('set', 'set', 'cas', 'delete'), name: node, meta: key })
    .map(({ Verb, name, meta }): TxnOp => ({
      Node: {
        Verb,
        Node: {
          ID: '',
          Node: name,
          Address: '10.0.0.1',
          Datacenter: 'dc1',
          TaggedAddresses: null,
          Meta: { [meta]: meta, 1: 'one' },
          CreateIndex: 0,
          ModifyIndex: 0,
        },
      },
    })),
  fc
    .record({
      Verb: fc.constantFrom('set', 'set', 'delete'),
      name: node,
      CheckID: fc.constantFrom('c1', 'c2'),
      Status: fc.constantFrom('passing', 'critical'),
    })
    .map(({ Verb, name, CheckID, Status }): TxnOp => ({
      Check: { Verb, Check: { ...plainCheck, Node: name, CheckID, Status } },
    })),
  fc
    .record({
      Verb: fc.constantFrom('set', 'set', 'delete'),
      name: node,
      ID: fc.constantFrom('web', 'db'),
      Port: fc.nat(9),
    })
    .map(({ Verb, name, ID, Port }): TxnOp => ({
      Service: {
        Verb,
        Node: name,
        Service: {
          ID,
          Service: ID,
          Tags: ['t'],
          Address: '',
          Meta: null,
          Port,
          Weights: { Passing: 1, Warning: 1 },
          EnableTagOverride: false,
          Proxy: {},
          Connect: {},
          CreateIndex: 0,
          ModifyIndex: 0,
        },
      },
    })),
  kvStep.map(({ verb, key: Key, value: text, more }): TxnOp => ({
    KV: { Verb: verb, Key, Value: bytes(text), ...more },
  })),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  kvStep.map(
    ({ verb, key: Key, value: text, more }): Step =>
      (log) =>
        void log.kv(verb, Key, text, more),
  ),
  fc.record({ id: session, Node: node, behavior: fc.constantFrom('release', 'delete') }).map(
    ({ id, Node, behavior }): Step =>
      (log) =>
        void log.session(id, { Node, Behavior: behavior, NodeChecks: ['c1'] }),
  ),
  session.map(
    (ID): Step =>
      (log) =>
        void log.apply('session-destroy', { ID }),
  ),
  fc.array(catalogOp, { minLength: 1, maxLength: 4 }).map(
    (ops): Step =>
      (log) =>
        void log.txn(...ops),
  ),
  fc.record({ throughIndex: index, rowsMax: fc.integer({ min: 1, max: 5 }) }).map(
    (args): Step =>
      (log) =>
        void log.apply('tombstone-reap', args),
  ),
)

/** Every history begins with two nodes and their checks, so that sessions can be. */
const beginning: readonly Step[] = [
  (log) => log.node('n1'),
  (log) => log.node('n2'),
  (log) => log.check('n1', 'c1'),
  (log) => log.check('n2', 'c1'),
]

/** Histories of all commands. What is refused is part of them. */
export const histories: fc.Arbitrary<readonly Step[]> = fc
  .array(step, { maxLength: 50 })
  .map((steps) => beginning.concat(steps))
