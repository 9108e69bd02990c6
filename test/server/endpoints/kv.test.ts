import t from 'tap'

import { kvWriteVerbs } from '../../../server/model/kv.ts'
import { Leader } from '../../support/leader.ts'
import { bytes, sessionId } from '../../support/log.ts'

t.test('a key is read, listed and named at its indexes', async (t) => {
  const leader = new Leader()
  const { log } = leader
  log.kv('set', 'a/1', 'x')
  log.kv('set', 'a/2', 'y')
  log.kv('set', 'b', 'z')
  t.match(leader.read('KVS.Get', { Key: 'a/1' }), {
    index: 1,
    value: { Key: 'a/1', Value: bytes('x') },
  })
  t.match(leader.read('KVS.List', { Key: 'a/' }), {
    index: 2,
    value: [{ Key: 'a/1' }, { Key: 'a/2' }],
  })
  t.strictSame(leader.read('KVS.ListKeys', { Prefix: '', Separator: '/' }), {
    index: 3,
    value: ['a/', 'b'],
  })
})

t.test('only a tree may have no name', async (t) => {
  for (const Op of kvWriteVerbs) {
    const leader = new Leader()
    const write = leader.write('KVS.Apply', { Op, DirEnt: { Key: '', Flags: 0, Value: bytes('') } })
    if (Op === 'delete-tree') t.equal(await write, true)
    else await t.rejects(write, { kind: 'failed', message: 'Must provide key' }, Op)
  }
})

t.test('a key that is held back is not locked, whoever asks', async (t) => {
  const leader = new Leader()
  leader.log.node('n1')
  leader.log.session(sessionId(1))
  leader.heldBack.add('k')
  const entry = { Key: 'k', Flags: 0, Value: bytes('v'), Session: sessionId(1) }
  t.equal(await leader.write('KVS.Apply', { Op: 'lock', DirEnt: entry }), false)
  t.equal(
    await leader.write('KVS.Apply', { Op: 'lock', DirEnt: { ...entry, Session: 'bad' } }),
    false,
  )
  t.strictSame(leader.proposed, [])
  t.equal(await leader.write('KVS.Apply', { Op: 'set', DirEnt: entry }), true)
  leader.heldBack.clear()
  t.equal(await leader.write('KVS.Apply', { Op: 'lock', DirEnt: entry }), true)
  t.strictSame(leader.proposed, ['kv', 'kv'])
})

t.test('what the state refuses is refused to the client', async (t) => {
  const leader = new Leader()
  await t.rejects(
    leader.write('KVS.Apply', { Op: 'lock', DirEnt: { Key: 'k', Flags: 0, Value: bytes('') } }),
    { kind: 'failed', message: 'missing session' },
  )
})
