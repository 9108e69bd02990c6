import t from 'tap'

import { applyEntry, encodeCommand, encodeOnce } from '../../../server/fsm/apply.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import type { WriteId } from '../../../server/model/methods.ts'
import { Log } from '../../support/log.ts'

const id = (sequence: number, epoch = 'e1', origin = 's1'): WriteId => ({ origin, epoch, sequence })

/** The same log, with a way to send a write as another server does. */
class ForwardedLog extends Log {
  forward(write: WriteId, key: string, cas: number): unknown {
    this.index += 1
    const entry = encodeCommand('kv', {
      Op: 'cas',
      DirEnt: { Key: key, Flags: 0, Value: Buffer.from('v'), ModifyIndex: cas },
    })
    return applyEntry(this.store, this.index, encodeOnce(write, entry))
  }
}

t.test('a write that comes again is not done again, and has the same answer', (t) => {
  const log = new ForwardedLog()
  t.equal(log.forward(id(1), 'a', 0), true, 'created')
  t.equal(log.forward(id(1), 'a', 0), true, 'the answer it had, though the key is there now')
  t.equal(log.store.kv.get('a')?.ModifyIndex, 1)
  t.equal(log.forward(id(2), 'a', 0), false, 'another write is another matter')
  t.end()
})

t.test('a server that began anew counts anew', (t) => {
  const log = new ForwardedLog()
  log.forward(id(1), 'a', 0)
  t.equal(log.forward(id(1, 'e2'), 'a', 0), false)
  t.equal(log.forward(id(1, 'e1', 's2'), 'a', 0), false)
  t.end()
})

t.test('a refusal is remembered like an answer', (t) => {
  const log = new ForwardedLog()
  const refuse = (): unknown => {
    log.index += 1
    const entry = encodeCommand('kv', {
      Op: 'lock',
      DirEnt: {
        Key: 'l',
        Flags: 0,
        Value: Buffer.from(''),
        Session: '5a94c5ee-0000-4000-8000-000000000001',
      },
    })
    return applyEntry(log.store, log.index, encodeOnce(id(1), entry))
  }
  const [first, second] = [refuse(), refuse()]
  t.ok(first instanceof PraetorError)
  t.match(second, { kind: (first as PraetorError).kind, message: (first as PraetorError).message })
  t.end()
})

t.test('a copy of a write that nobody waits for any more is not carried out', (t) => {
  const log = new ForwardedLog()
  log.forward(id(1 + 16_384), 'a', 0)
  t.match(log.forward(id(1), 'b', 0), { kind: 'failed' })
  t.equal(log.store.kv.get('b'), undefined)
  t.end()
})

t.test('what is remembered has a bound', (t) => {
  const log = new ForwardedLog()
  for (let sequence = 1; sequence <= 20_000; sequence += 1) log.forward(id(sequence), 'a', 0)
  t.equal(log.store.outcomes.size, 16_384)
  t.end()
})
