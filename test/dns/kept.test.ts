import t from 'tap'

import { createHandle } from '../../dns/handle.ts'
import { KeptAnswers, keyOf } from '../../dns/kept.ts'
import type { KeptAnswer } from '../../dns/kept.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import { Catalog } from './catalog.ts'
import type { Instance } from './catalog.ts'
import { ask, portsOn, tell } from './wire.ts'

const web = (count: number): Instance[] =>
  Array.from({ length: count }, (_, at) => ({
    node: `w${at}`,
    address: `10.0.0.${at}`,
    service: 'web',
    port: 80,
  }))

function handleOn(catalog: Catalog, seed = 1): ReturnType<typeof createHandle> {
  return createHandle(portsOn(catalog, seed), defaultDnsSettings)
}

t.test('a kept answer is the answer anyone else would get', async (t) => {
  const catalog = new Catalog([
    ...web(10),
    { ...web(1)[0], node: 'x', address: '::1', service: 'six' },
  ])
  for (const question of [
    'web.service.consul',
    'WEB.Service.consul ANY',
    'six.service.consul AAAA',
  ])
    for (const edns of [undefined, 512, 1232]) {
      const options = edns === undefined ? {} : { edns }
      const handle = handleOn(catalog)
      const first = await handle(ask(question, options), 'udp')
      for (let id = 0; id < 20; id += 1) {
        const again = await handle(ask(question, { ...options, id }), 'udp')
        t.equal(again?.readUInt16BE(0), id)
        t.equal(again?.length, first?.length)
        const [one, other] = [tell(first), tell(again)]
        t.strictSame(
          { ...other, answers: other?.answers.length },
          { ...one, answers: one?.answers.length },
        )
        t.equal(new Set(other?.answers).size, other?.answers.length, 'no address twice')
      }
    }
})

t.test('every three of ten come up as often as any other', async (t) => {
  const handle = handleOn(new Catalog(web(10)), 7)
  const rounds = 12_000
  const question = ask('web.service.consul')
  const byFirst = new Map<string, number>()
  const byTrio = new Map<string, number>()
  const add = (counts: Map<string, number>, key: string): unknown =>
    counts.set(key, (counts.get(key) ?? 0) + 1)
  for (let round = 0; round < rounds; round += 1) {
    const message = await handle(question, 'udp')
    // The last byte of each of the three addresses, which stand at fixed places behind the question.
    const shown = [0, 1, 2].map((record) => message?.at(12 + 24 + 16 * record + 15) ?? -1)
    add(byFirst, String(shown[0]))
    add(byTrio, shown.toSorted((a, b) => a - b).join())
  }
  t.equal(byFirst.size, 10)
  t.equal(byTrio.size, 120)
  // Chi-squared below its 0.999 quantile for 9 and 119 degrees of freedom; the seed makes it the same each time.
  t.ok(chiSquared(byFirst, rounds) < 27.9)
  t.ok(chiSquared(byTrio, rounds) < 173.6)
})

function chiSquared(counts: ReadonlyMap<string, number>, rounds: number): number {
  const expected = rounds / counts.size
  let sum = 0
  for (const count of counts.values()) sum += (count - expected) ** 2 / expected
  return sum
}

t.test('an answer is given again only while the cluster says the same', async (t) => {
  const catalog = new Catalog(web(2))
  const handle = handleOn(catalog)
  const answers = async (): Promise<unknown> =>
    tell(await handle(ask('web.service.consul'), 'udp'))?.answers
  const two = ['web.service.consul. 0 A 10.0.0.0', 'web.service.consul. 0 A 10.0.0.1']
  t.strictSame(await answers(), two)
  t.strictSame(await answers(), two)
  catalog.replace(web(1))
  t.strictSame(await answers(), two.slice(0, 1))
  catalog.replace([])
  t.strictSame(await answers(), [])
  catalog.replace(web(2))
  t.strictSame(await answers(), two)
  catalog.failure = new Error('gone')
  t.equal(tell(await handle(ask('web.service.consul'), 'udp'))?.flags, '8502')
  catalog.failure = undefined
  t.strictSame(await answers(), two)
})

t.test('a message differing in anything but the id is another question', async (t) => {
  const handle = handleOn(new Catalog(web(2)))
  const first = await handle(ask('web.service.consul'), 'udp')
  t.ok(first)
  const flags = async (message: Buffer): Promise<unknown> =>
    tell(await handle(message, 'udp'))?.flags
  t.equal(await flags(ask('web.service.consul', { flags: 0 })), '8400')
  t.equal(await flags(ask('web.service.consul', { flags: 0x0110 })), '8510')
  t.equal(await flags(ask('web.service.consul AAAA')), '8500')
  const shouted = tell(await handle(ask('WEB.service.consul'), 'udp'))
  t.match(shouted?.answers[0], /^WEB/)
})

t.test('a message is remembered when it comes again', async (t) => {
  const kept = new KeptAnswers()
  t.equal(kept.isSeenAgain('a'), false)
  t.equal(kept.isSeenAgain('b'), false)
  t.equal(kept.isSeenAgain('a'), true)
  t.equal(kept.isSeenAgain(''), false)
  t.equal(kept.isSeenAgain(''), false, 'not for keeping, however often')
  t.equal(keyOf(Buffer.alloc(513)), '')
  t.equal(keyOf(Buffer.from('idrest')), 'rest')
  for (let number = 0; number < 5000; number += 1) kept.isSeenAgain(`${number}`)
  t.equal(kept.isSeenAgain('b'), false, 'forgotten among so many')
})

t.test('what is kept is bounded, and the longest unused goes first', async (t) => {
  const kept = new KeptAnswers()
  const entry = (sizeBytes: number): KeptAnswer => ({
    source: { records: [], value: undefined, reread: () => Promise.reject(new Error('never')) },
    template: Buffer.alloc(sizeBytes),
    recordsAt: 0,
    recordSizeBytes: 1,
    shown: 0,
    pool: Buffer.alloc(0),
    order: new Uint32Array(),
  })
  for (let number = 0; number < 4096; number += 1) kept.keep(`${number}`, entry(100))
  t.ok(kept.find('0'))
  kept.keep('one more', entry(100))
  t.equal(kept.size, 4096)
  t.ok(kept.find('0'), 'asked for a moment ago')
  t.notOk(kept.find('1'))
  kept.keep('large', entry(16 * 1024 * 1024 - 1000))
  t.equal(kept.size, 1)
  kept.keep('large', entry(1))
  t.ok(kept.sizeBytes < 1000)
  kept.keep('too large', entry(17 * 1024 * 1024))
  t.equal(kept.size, 0)
  t.equal(kept.sizeBytes, 0)
  kept.forget('never there')
})
