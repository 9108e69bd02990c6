import fc from 'fast-check'
import t from 'tap'

import { Watchers, WatchSet } from '../../../server/state/watch.ts'
import type { Topic } from '../../../server/state/watch.ts'
import { settle, VirtualClock } from '../../support/clock.ts'

const exact = (name: string): Topic => ({ name, prefix: false })
const prefix = (name: string): Topic => ({ name, prefix: true })

t.test('a touch wakes those whose topics it meets, once', async (t) => {
  const watchers = new Watchers()
  const woken: string[] = []
  const wait = (who: string, ...topics: readonly Topic[]): void =>
    void watchers.once(topics, () => woken.push(who))
  wait('exact', exact('kv/a'))
  wait('prefix', prefix('kv/a'))
  wait('all', prefix(''))
  wait('both', exact('kv/a'), prefix('kv/'), exact('kv/b'))
  wait('other', exact('kv/ab'), prefix('kv/ab'))
  watchers.touch(['kv/a', 'kv/b'])
  t.strictSame(woken.toSorted(), ['all', 'both', 'exact', 'prefix'])
  watchers.touch(['kv/a', 'kv/b'])
  t.equal(woken.length, 4)
  watchers.touch(['kv/abc'])
  t.strictSame(woken.slice(4), ['other'])
})

t.test('who takes the wish back is not woken', async (t) => {
  const watchers = new Watchers()
  const cancel = watchers.once([exact('a'), prefix('a')], () => t.fail('woken'))
  let wakes = 0
  watchers.once([prefix('a')], () => (wakes += 1))
  cancel()
  watchers.touch(['a'])
  t.equal(wakes, 1, 'the others still are')
})

t.test('the same topic twice is one', async (t) => {
  const watchers = new Watchers()
  let wakes = 0
  watchers.once([exact('a'), exact('a'), prefix('a'), prefix('a')], () => (wakes += 1))
  watchers.touch(['a', 'a'])
  t.equal(wakes, 1)
  watchers.once([prefix('a')], () => (wakes += 1))
  watchers.touch(['ab'])
  t.equal(wakes, 2, 'and leaves nothing behind')
})

t.test('who is woken may wait again at once, for the next touch', async (t) => {
  const watchers = new Watchers()
  let wakes = 0
  const wait = (): void =>
    void watchers.once([exact('a')], () => {
      wakes += 1
      wait()
    })
  wait()
  watchers.touch(['a'])
  t.equal(wakes, 1)
  watchers.touchAll()
  t.equal(wakes, 2)
})

t.test('who is woken may take another one back before its turn', async (t) => {
  const watchers = new Watchers()
  const cancels: (() => void)[] = []
  let wakes = 0
  for (let count = 0; count < 2; count += 1)
    cancels.push(
      watchers.once([exact('a')], () => {
        wakes += 1
        for (const cancel of cancels) cancel()
      }),
    )
  watchers.touch(['a'])
  t.equal(wakes, 1)
})

t.test('everyone wakes when nothing is certain', async (t) => {
  const watchers = new Watchers()
  let wakes = 0
  watchers.once([exact('a'), prefix('b')], () => (wakes += 1))
  watchers.once([prefix('c')], () => (wakes += 1))
  watchers.touchAll()
  t.equal(wakes, 2)
})

t.test('a wait ends with what comes first, and leaves nothing behind', async (t) => {
  const clock = new VirtualClock()
  const watchers = new Watchers()
  const asker = new AbortController()
  const wait = (): Promise<string> =>
    watchers.wait([exact('a')], { clock, waitMs: 100, signal: asker.signal })

  const changed = wait()
  watchers.touch(['a'])
  t.equal(await changed, 'changed')

  const timeout = wait()
  await clock.advance(99)
  t.equal(watchers.size, 1)
  await clock.advance(1)
  t.equal(await timeout, 'timeout')

  const gone = wait()
  asker.abort()
  t.equal(await gone, 'gone')
  t.equal(await wait(), 'gone', 'who is gone does not wait')
  t.equal(watchers.size, 0)
  t.equal(clock.timers, 0)
})

t.test('thousands that wait for one thing go on in slices, all of them', async (t) => {
  const watchers = new Watchers()
  const clock = new VirtualClock()
  let woken = 0
  const gone = new AbortController()
  for (let count = 0; count < 1_000; count += 1) {
    const signal = count === 999 ? gone.signal : undefined
    void watchers.wait([exact('a')], { clock, waitMs: 60_000, signal }).then((outcome) => {
      woken += outcome === 'changed' ? 1 : 0
    })
  }
  watchers.touch(['a'])
  await settle()
  t.equal(woken, 128, 'the rest of the process has its turn')
  gone.abort()
  await clock.advance(0)
  t.ok(woken > 128)
  for (let slice = 2; slice < 8; slice += 1) await clock.advance(0)
  t.equal(woken, 999, 'but for one who left before its turn')
  t.equal(watchers.size, 0)
})

t.test('a watch set gathers what an answer depends on', async (t) => {
  const watch = new WatchSet()
  watch.add('a')
  watch.addPrefix('b')
  t.strictSame(watch.topics, [exact('a'), prefix('b')])
})

t.test('whatever is watched and touched, just those wake whose topics meet', async () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 4 })
  const topics = fc.array(fc.record({ name, prefix: fc.boolean() }), { maxLength: 4 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(topics, fc.boolean()), { maxLength: 6 }),
      fc.array(name, { maxLength: 4 }),
      (waiters, touched) => {
        const watchers = new Watchers()
        const woken = waiters.map(() => 0)
        for (const [at, [asked, isCancelled]] of waiters.entries()) {
          const cancel = watchers.once(asked, () => {
            woken[at] = (woken[at] ?? 0) + 1
          })
          if (isCancelled) cancel()
        }
        watchers.touch(touched)
        watchers.touch(touched)
        return waiters.every(([asked, isCancelled], at) => {
          const isMet = asked.some((topic) =>
            touched.some((it) => (topic.prefix ? it.startsWith(topic.name) : it === topic.name)),
          )
          return woken[at] === (isMet && !isCancelled ? 1 : 0)
        })
      },
    ),
  )
})
