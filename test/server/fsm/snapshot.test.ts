import fc from 'fast-check'
import t from 'tap'

import { applyEntry, encodeCommand, encodeOnce } from '../../../server/fsm/apply.ts'
import { digestOf, restoreStore, snapshotStore } from '../../../server/fsm/snapshot.ts'
import { defaultAutopilotConfig } from '../../../server/model/autopilot.ts'
import { origin } from '../../../server/model/coordinate.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { getKey, listKeys } from '../../../server/state/kv.ts'
import { listSessions } from '../../../server/state/sessions.ts'
import { Store } from '../../../server/state/store.ts'
import { encodeMsgpack } from '../../../server/wire/msgpack.ts'
import { histories } from '../../support/history.ts'
import type { Step } from '../../support/history.ts'
import { Log, sessionId } from '../../support/log.ts'

function run(steps: readonly Step[], log = new Log()): Log {
  for (const step of steps)
    try {
      step(log)
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
    }
  return log
}

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

/** The bytes of a piece are good until the next is asked for. */
const piecesOf = (pieces: Iterable<Uint8Array>): Buffer[] =>
  Array.from(pieces, (piece) => Buffer.from(piece))
const whole = (store: Store): Buffer => Buffer.concat(piecesOf(snapshotStore(store)))

async function restored(bytes: Uint8Array, pieceBytes = 65_536): Promise<Store> {
  const store = new Store()
  await restoreStore(store, inPieces(bytes, pieceBytes))
  return store
}

/** What follows from the tables and is in no snapshot. */
function derivedRows({ instances, serviceNames }: Store): string {
  return JSON.stringify([[...instances.all()], [...serviceNames.all()]])
}

/** A state with a row in every table that this room writes. */
function busy(): Log {
  const log = new Log()
  log.node('n1')
  log.check('n1', 'c1')
  log.session(sessionId(1), { NodeChecks: ['c1'] })
  log.kv('lock', 'a', 'x', { Session: sessionId(1), Flags: 2n ** 64n - 1n })
  log.kv('set', 'b', 'y')
  log.kv('set', 'c')
  log.kv('delete', 'c')
  log.apply('autopilot-set', { Config: defaultAutopilotConfig })
  log.apply('coordinates-update', { Updates: [{ Node: 'n1', Segment: '', Coord: origin }] })
  const id = { origin: 's1', epoch: 'e1', sequence: 1 }
  log.index += 1
  applyEntry(log.store, log.index, encodeOnce(id, encodeCommand('session-destroy', { ID: 'x' })))
  return log
}

t.test('a restored state is the one that was taken, and goes on as it would have', async () => {
  await fc.assert(
    fc.asyncProperty(
      histories,
      histories,
      fc.integer({ min: 1, max: 400_000 }),
      async (before, after, pieceBytes) => {
        const log = run(before)
        const copy = new Log()
        copy.index = log.index
        const bytes = whole(log.store)
        await restoreStore(
          copy.store,
          inPieces(bytes, Math.max(pieceBytes, Math.ceil(bytes.length / 50))),
        )
        if (digestOf(copy.store) !== digestOf(log.store)) return false
        run(after, log)
        run(after, copy)
        return (
          digestOf(copy.store) === digestOf(log.store) &&
          derivedRows(copy.store) === derivedRows(log.store)
        )
      },
    ),
    { numRuns: 60 },
  )
})

t.test('the same commands make the same state', async () => {
  fc.assert(
    fc.property(histories, (steps) => digestOf(run(steps).store) === digestOf(run(steps).store)),
    { numRuns: 60 },
  )
})

t.test('every table of the store is in it', async (t) => {
  const { store } = busy()
  const copy = await restored(whole(store))
  for (const [name, table] of store.tables) {
    t.strictSame([...(copy.tables.get(name)?.all() ?? [])], [...table.all()], name)
    t.equal(table.size === 0, name === 'services', `${name} has rows`)
  }
  t.strictSame(
    Array.from(copy.kv.by('session', sessionId(1)), ({ Key }) => Key),
    ['a'],
    'indexes are built anew',
  )
  t.equal(getKey(copy, 'a').value?.Flags, 2n ** 64n - 1n)
  t.equal(listKeys(copy, 'c').index, 7, 'tombstones are kept')
})

t.test('a snapshot is of its moment, whenever it is read', async (t) => {
  const log = busy()
  const digest = digestOf(log.store)
  const pieces = snapshotStore(log.store)
  log.kv('set', 'd')
  log.kv('delete-tree', '')
  log.apply('session-destroy', { ID: sessionId(1) })
  t.equal(digestOf(await restored(Buffer.concat(piecesOf(pieces)))), digest)
})

t.test('pieces are small, whatever the rows', async (t) => {
  const log = new Log()
  for (let count = 0; count < 3000; count += 1) {
    log.kv('set', `k${count}`, 'v')
    log.kv('delete', `k${count}`)
  }
  t.equal([...snapshotStore(log.store)].length, 7, 'no piece has more than 512 rows')
  for (let count = 0; count < 3; count += 1) log.kv('set', `large${count}`, 'v'.repeat(500_000))
  const pieces = piecesOf(snapshotStore(log.store))
  t.ok(pieces.every((piece) => piece.length <= 256 * 1024))
  t.equal(digestOf(await restored(Buffer.concat(pieces))), digestOf(log.store))
})

t.test('a restore lets others work, and shows the old state until it is whole', async (t) => {
  const log = busy()
  const store = new Store()
  const seen: number[] = []
  let wakes = 0
  store.watchers.once([{ name: 'kvs/none', prefix: false }], () => {
    wakes += 1
    t.equal(listSessions(store).value.length, 1, 'who is woken finds the new state')
  })
  await restoreStore(store, inPieces(whole(log.store), 100), async () => {
    seen.push(store.kv.size)
  })
  t.strictSame(new Set(seen), new Set([0]))
  t.ok(seen.length >= 3)
  t.equal(store.kv.size, 2)
  t.equal(wakes, 1, 'nothing that anyone read is certain any more')
})

function record(value: unknown): Buffer {
  const content = encodeMsgpack(value)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(content.length)
  return Buffer.concat([size, content])
}

t.test('what is damaged is refused and nothing is replaced', async (t) => {
  const good = whole(busy().store)
  const flipped = Buffer.from(good)
  const middle = Math.floor(good.length / 2)
  flipped.writeUInt8(flipped.readUInt8(middle) ^ 1, middle)
  const head = { format: 'praetor-state', version: 2, tables: [] }
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['nothing', Buffer.alloc(0), /cut short/],
    ['a part', good.subarray(0, -1), /cut short/],
    ['only whole records, but not all', good.subarray(0, -38), /cut short/],
    ['a flipped bit', flipped, /the snapshot is damaged/],
    ['more than all', Buffer.concat([good, record(1)]), /records after its end/],
    ['a huge record', Buffer.from([255, 255, 255, 255, 0]), /a record of \d+ bytes/],
    ['something else', record({ format: 'tar' }), /no snapshot of a state/],
    ['no map', record(null), /no snapshot of a state/],
    ['a later form', record({ ...head, version: 3 }), /version 3 are unknown/],
    ['an unknown table', record({ ...head, tables: [{ name: 'x', rows: 1 }] }), /a table x/],
    [
      'a row that is none',
      Buffer.concat([record({ ...head, tables: [{ name: 'kvs', rows: 1 }] }), record(7)]),
      /no row of kvs/,
    ],
    [
      'a row whose fields are of other types',
      Buffer.concat([
        record({ ...head, tables: [{ name: 'nodes', rows: 1 }] }),
        record({ Node: 7 }),
      ]),
      /no row of nodes/,
    ],
    ['no digest', Buffer.concat([record(head), record('x')]), /digest/],
    ['broken msgpack', Buffer.from([1, 0, 0, 0, 0xc1]), /no value begins with 0xc1/],
  ]
  for (const [name, bytes, message] of cases) {
    const log = busy()
    const before = digestOf(log.store)
    await t.rejects(
      restoreStore(log.store, inPieces(bytes, 100)),
      { name: 'PraetorError', kind: 'failed', message },
      name,
    )
    t.equal(digestOf(log.store), before)
  }
})
