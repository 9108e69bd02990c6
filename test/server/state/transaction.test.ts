import fc from 'fast-check'
import t from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import type { KvEntry } from '../../../server/model/kv.ts'
import { Store } from '../../../server/state/store.ts'

const entry = (Key: string, ModifyIndex = 1): KvEntry => ({
  LockIndex: 0,
  Key,
  Flags: 0,
  Value: new Uint8Array(0),
  CreateIndex: 1,
  ModifyIndex,
})

const keys = (store: Store): string[] => Array.from(store.kv.all(), ({ Key }) => Key)

t.test('what is written is there when the work is done', async (t) => {
  const store = new Store()
  t.ok(store.isEmpty)
  const result = store.write(7, (tx) => {
    t.notOk(tx.changed)
    tx.put(store.kv, entry('a', tx.index))
    tx.bump('kvs', 'other')
    t.ok(tx.changed)
    t.equal(store.kv.get('a')?.ModifyIndex, 7, 'later steps see earlier ones')
    return tx.delete(store.kv, 'none')
  })
  t.equal(result, false)
  t.notOk(store.isEmpty)
  t.equal(store.maxIndex(['kvs']), 7)
  t.equal(store.maxIndex(['none']), 0)
  store.write(8, (tx) => tx.bump('other'))
  t.equal(store.maxIndex(['kvs', 'other']), 8)
  store.write(9, (tx) => tx.forget('other'))
  t.equal(store.maxIndex(['kvs', 'other']), 7)
})

t.test('work that fails leaves nothing and wakes nobody', async (t) => {
  const store = new Store()
  store.write(1, (tx) => {
    tx.put(store.kv, entry('a'))
    tx.bump('kvs')
  })
  let wakes = 0
  store.watchers.once([{ name: 'kvs', prefix: true }], () => (wakes += 1))
  store.onLockReleased(() => t.fail('nothing was released'))
  const refused = new PraetorError('failed', 'no')
  t.throws(
    () =>
      store.write(2, (tx) => {
        tx.put(store.kv, entry('a', 2))
        tx.put(store.kv, entry('b', 2))
        tx.delete(store.kv, 'a')
        tx.bump('kvs')
        tx.releaseLocks({ keys: ['a'], delayMs: 1 })
        throw refused
      }),
    refused,
  )
  t.strictSame(keys(store), ['a'])
  t.equal(store.kv.get('a')?.ModifyIndex, 1)
  t.equal(store.maxIndex(['kvs']), 1)
  t.equal(wakes, 0)
})

t.test('work may be taken back and go on', async (t) => {
  const store = new Store()
  store.write(1, (tx) => {
    tx.put(store.kv, entry('a'))
    tx.releaseLocks({ keys: ['a'], delayMs: 1 })
    tx.undo()
    t.notOk(tx.changed)
    t.strictSame([...tx.touched()], [])
    t.strictSame(tx.lockReleases, [])
    tx.put(store.kv, entry('b'))
  })
  t.strictSame(keys(store), ['b'])
})

t.test('who waits is woken once, after the whole', async (t) => {
  const store = new Store()
  const seen: string[][] = []
  store.watchers.once([{ name: 'kvs/', prefix: true }], () => seen.push(keys(store)))
  store.write(1, (tx) => {
    tx.put(store.kv, entry('a'))
    tx.put(store.kv, entry('b'))
  })
  t.strictSame(seen, [['a', 'b']])
})

t.test('whatever was done, undoing restores what was', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    index: fc.nat(9),
    deletes: fc.boolean(),
    session: fc.constantFrom(undefined, 's1', 's2'),
  })
  const steps = fc.array(step, { maxLength: 15 })
  fc.assert(
    fc.property(steps, steps, (kept, undone) => {
      const store = new Store()
      const run = (all: typeof kept, isUndone: boolean): void =>
        store.write(1, (tx) => {
          for (const { key, index, deletes, session } of all)
            if (deletes) tx.delete(store.kv, key)
            else
              tx.put(store.kv, {
                ...entry(key, index),
                ...(session === undefined ? {} : { Session: session }),
              })
          if (isUndone) tx.undo()
        })
      const image = (): string =>
        JSON.stringify([
          [...store.kv.all()],
          [...store.kv.by('session', 's1')],
          [...store.kv.by('session', 's2')],
        ])
      run(kept, false)
      const before = image()
      run(undone, true)
      return image() === before
    }),
  )
})
