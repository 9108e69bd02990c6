import fc from 'fast-check'
import t from 'tap'

import { serfLan } from '../../../../server/gossip/serf/config.ts'
import type { SerfCommand } from '../../../../server/gossip/serf/events.ts'
import { encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import { must } from '../../../../server/model/assert.ts'
import { heard, SerfPool } from '../../../support/serf-pool.ts'
import type { SerfNode } from '../../../support/serf-pool.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const fire = (name: string, payload = '', coalesce = false): SerfCommand => ({
  kind: 'fire',
  name,
  payload: bytes(payload),
  coalesce,
})
const names = (node: SerfNode): string[] => heard(node, 'userEvent').map(({ name }) => name)

t.test('an event reaches everybody once, its sender too', async (t) => {
  const pool = new SerfPool()
  const nodes = pool.addAll(['a', 'b', 'c'])
  pool.command(must(nodes[0], 'a'), fire('deploy', 'v2', true))
  for (const node of nodes)
    t.strictSame(heard(node, 'userEvent'), [
      { kind: 'userEvent', time: 1, name: 'deploy', payload: bytes('v2'), coalesce: true },
    ])
})

t.test('the same again is another event', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, fire('x'))
  pool.command(a, fire('x'))
  t.strictSame(
    heard(b, 'userEvent').map(({ time }) => time),
    [1, 2],
  )
})

t.test("an event that is too long is refused in Serf's words, and takes no time", async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a')
  const before = 'user event exceeds configured limit of 512 bytes before encoding'
  const after = 'encoded user event exceeds configured limit of 512 bytes after encoding'
  t.throws(() => pool.command(a, fire('ä'.repeat(100), 'p'.repeat(313))), { message: before })
  t.throws(() => pool.command(a, fire('x', 'p'.repeat(511))), { message: after })
  t.strictSame(a.events.slice(1), [])
  t.equal(a.core.status().clocks.event, 1)
  const empty = encodeSerfMessage({ ...userEvent, payload: new Uint8Array() }).length
  const room = serfLan.userEventBytesMax - empty - 2
  pool.command(a, fire('x', 'p'.repeat(room)))
  t.equal(names(a).length, 1, 'and one that just fits is not')
})
const userEvent = { kind: 'userEvent', time: 1, name: 'x', coalesce: false } as const

t.test('who joins hears what there was, unless it does not want to', async (t) => {
  for (const ignoreOld of [false, true]) {
    const pool = new SerfPool()
    const a = pool.add('a')
    pool.command(a, fire('before'))
    const b = pool.add('b')
    pool.join(b, a, ignoreOld)
    t.strictSame(names(b), ignoreOld ? [] : ['before'])
    pool.command(a, fire('after'))
    t.equal(names(b).at(-1), 'after')
    pool.pushPull(a, b)
    t.equal(names(b).length, ignoreOld ? 1 : 2, 'nor later')
  }
})

t.test('after a restart nothing is heard again', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, fire('one'))
  const restored = b.core.memory()
  pool.crash(b)
  pool.command(a, fire('two'))
  const again = pool.add('b', { restored })
  pool.join(again, a)
  t.strictSame(names(again), ['two'])
})

t.test('an event from long ago is not told, and not passed on', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a', 'b']) as [SerfNode]
  const from = { host: '10.0.0.9', port: 7946 }
  const at = (time: number): Uint8Array =>
    encodeSerfMessage({ ...userEvent, time, payload: bytes('x') })
  pool.tell(a, { kind: 'user', from, body: at(1000) })
  a.commands.splice(0)
  pool.tell(a, { kind: 'user', from, body: at(1001 - serfLan.recentTimes - 1) })
  t.strictSame(a.commands, [])
  pool.tell(a, { kind: 'user', from, body: at(1001 - serfLan.recentTimes) })
  t.strictSame(
    heard(a, 'userEvent').map(({ time }) => time),
    [1000, 489],
  )
})

t.test(
  'in any weather nobody hears anything twice, and all that is heard is heard by all',
  async () => {
    const size = 4
    const firing = fc.record({ by: fc.nat(size - 1), name: fc.nat(3) })
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(firing, { maxLength: 20 }),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        (seed, firings, loss) => {
          const pool = new SerfPool(seed)
          const nodes = pool.addAll(Array.from({ length: size }, (_, at) => `n${at}`))
          pool.weather = { loss, duplication: 0.5, reordering: true }
          for (const { by, name } of firings)
            pool.command(must(nodes[by], 'a node'), fire(`e${name}`))
          pool.weather = { loss: 0, duplication: 0, reordering: false }
          for (const node of [...nodes, ...nodes]) pool.pushPull(node, must(nodes[0], 'a node'))
          const lists = nodes.map((node) =>
            heard(node, 'userEvent').map(({ time, name }) => `${time} ${name}`),
          )
          // Two who fire the same at the same time fire one event.
          return lists.every(
            (list) =>
              new Set(list).size === list.length &&
              list.toSorted().join() === lists[0]?.toSorted().join(),
          )
        },
      ),
      { numRuns: 60 },
    )
  },
)
