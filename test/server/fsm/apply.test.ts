import fc from 'fast-check'
import t from 'tap'

import { applyEntry, encodeCommand } from '../../../server/fsm/apply.ts'
import { commands } from '../../../server/fsm/commands.ts'
import { kvCodec } from '../../../server/fsm/kv-codec.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { kvWriteVerbs } from '../../../server/model/kv.ts'
import { getKey } from '../../../server/state/kv.ts'
import { Store } from '../../../server/state/store.ts'
import { bytes, sessionId } from '../../support/log.ts'

t.test('numbers of commands are what every log has them be', async (t) => {
  const numbers = Object.fromEntries(
    Object.entries(commands).map(([name, { number }]) => [name, number]),
  )
  t.match(numbers, {
    kv: 1,
    'tombstone-reap': 2,
    'session-create': 3,
    'session-destroy': 4,
    txn: 5,
  })
})

function hexOf(entry: Uint8Array): string {
  return Buffer.from(entry).toString('hex')
}

t.test('entries of key writes are these bytes', async (t) => {
  const set = encodeCommand('kv', {
    Op: 'set',
    DirEnt: { Key: 'é', Flags: 258, Value: bytes('v') },
  })
  t.equal(
    hexOf(set),
    ['0101000002000000', '0201000000000000', '0000000000000000', 'c3a9', '76'].join(''),
  )
  const unlock = encodeCommand('kv', {
    Op: 'unlock',
    DirEnt: {
      Key: 'k',
      Flags: 2n ** 64n - 1n,
      Value: bytes(''),
      Session: 'ab',
      ModifyIndex: 2 ** 40,
    },
  })
  t.equal(
    hexOf(unlock),
    ['0107020001000000', 'ffffffffffffffff', '0000000000010000', '6162', '6b'].join(''),
  )
  const fenced = encodeCommand('kv', {
    Op: 'set',
    DirEnt: { Key: 'k', Flags: 0, Value: bytes('v') },
    Fences: [{ Key: 'l', Index: 5 }],
  })
  t.equal(
    hexOf(fenced),
    [
      '0181000001000000',
      '0000000000000000',
      '0000000000000000',
      '6b',
      '0f000000',
      '9182a34b6579a16ca5496e64657805',
      '76',
    ].join(''),
  )
})

t.test('a key write comes back as it was given', async () => {
  const flags = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }))
  fc.assert(
    fc.property(
      fc.constantFrom(...kvWriteVerbs),
      fc.record({
        Key: fc.string({ unit: 'grapheme' }),
        Flags: flags,
        Value: fc.uint8Array({ maxLength: 300 }),
        Session: fc.constantFrom('', sessionId(1), 'é'),
        ModifyIndex: fc.maxSafeNat(),
      }),
      fc.option(
        fc.array(
          fc.record({ Key: fc.string(), Index: fc.maxSafeNat() }, { noNullPrototype: true }),
          { maxLength: 3 },
        ),
      ),
      (Op, DirEnt, fences) => {
        const fenced = fences === null ? {} : { Fences: fences }
        const back = kvCodec.decode(kvCodec.encode({ Op, DirEnt, ...fenced }))
        t.strictSame(
          { ...back, DirEnt: { ...back.DirEnt, Value: [...back.DirEnt.Value] } },
          { Op, DirEnt: { ...DirEnt, Value: [...DirEnt.Value] }, ...fenced },
        )
      },
    ),
  )
})

t.test('a state does not hold on to the entry that a value came in', async (t) => {
  const store = new Store()
  const entry = encodeCommand('kv', {
    Op: 'set',
    DirEnt: { Key: 'k', Flags: 0, Value: bytes('v') },
  })
  applyEntry(store, 1, entry)
  entry.fill(0)
  t.strictSame([...(getKey(store, 'k').value?.Value ?? [])], [...bytes('v')])
})

t.test('a refusal is a result, and leaves nothing behind', async (t) => {
  const store = new Store()
  const refused = applyEntry(
    store,
    1,
    encodeCommand('kv', { Op: 'lock', DirEnt: { Key: 'k', Flags: 0, Value: bytes('') } }),
  )
  t.ok(refused instanceof PraetorError)
  t.match(refused, { kind: 'failed', message: 'missing session' })
  t.ok(store.isEmpty)
})

t.test('an entry that this server can not follow stops it', async (t) => {
  for (const payload of [[], [0], [200, 1], [1, 1]])
    t.throws(() => applyEntry(new Store(), 7, Uint8Array.from(payload)))
  t.throws(() => applyEntry(new Store(), 7, Uint8Array.from([200])), {
    name: 'AssertionFailed',
    message: 'log entry 7 holds command 200, which is unknown here',
  })
})
