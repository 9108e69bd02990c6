import { deepStrictEqual, equal, ok } from 'node:assert/strict'

import fc from 'fast-check'
import t from 'tap'

import { Agenda } from '../../../../server/gossip/swim/agenda.ts'
import type { Appointment } from '../../../../server/gossip/swim/agenda.ts'
import { BroadcastQueue } from '../../../../server/gossip/swim/broadcast-queue.ts'
import { Directory } from '../../../../server/gossip/swim/directory.ts'
import { Lanes } from '../../../../server/gossip/swim/lanes.ts'
import { ProbeOrder } from '../../../../server/gossip/swim/probe-order.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'
import { aliveOf } from '../../../support/swim-pool.ts'

t.test('an agenda keeps appointments in order of time, then of making', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ atMs: fc.nat(20), isKept: fc.boolean(), isJudgement: fc.boolean() })),
      fc.nat(30),
      fc.nat(5),
      (plans, untilMs, pauseMs) => {
        const agenda = new Agenda()
        const ran: number[] = []
        const made = plans.map(({ atMs, isJudgement }, at): Appointment => {
          const run = (): unknown => ran.push(at)
          return isJudgement
            ? agenda.judgeAt(atMs, () => void run())
            : agenda.at(atMs, () => void run())
        })
        for (const [at, { isKept }] of plans.entries()) if (!isKept) agenda.cancel(made[at] ?? null)
        agenda.postpone(pauseMs)
        agenda.runDue(untilMs)
        const wanted = plans
          .map(({ atMs, isJudgement, isKept }, at) => ({
            at,
            isKept,
            atMs: atMs + (isJudgement ? pauseMs : 0),
          }))
          .filter(({ atMs, isKept }) => isKept && atMs <= untilMs)
          .toSorted((a, b) => a.atMs - b.atMs || a.at - b.at)
          .map(({ at }) => at)
        deepStrictEqual(ran, wanted)
        ok(agenda.dueMs() > untilMs)
      },
    ),
  )
})

t.test('an agenda runs what an appointment makes due', async (t) => {
  const agenda = new Agenda()
  const ran: string[] = []
  agenda.at(5, () => {
    ran.push('first')
    agenda.at(5, () => ran.push('second'))
    agenda.at(6, () => ran.push('third'))
  })
  t.equal(agenda.dueMs(), 5)
  agenda.runDue(5)
  t.strictSame(ran, ['first', 'second'])
  t.equal(agenda.dueMs(), 6)
  agenda.cancel(null)
  agenda.runDue(10)
  t.equal(agenda.dueMs(), Infinity)
})

t.test('an agenda outlives many cancellations', async (t) => {
  const agenda = new Agenda()
  let ran = 0
  for (let at = 0; at < 10_000; at += 1) {
    const appointment = agenda.at(at % 100, () => (ran += 1))
    if (at % 10 !== 0) agenda.cancel(appointment)
    agenda.cancel(at % 10 === 0 ? null : appointment)
  }
  agenda.runDue(100)
  t.equal(ran, 1000)
})

t.test('SWIM §4.3: round-robin probing', async (t) => {
  t.test('probes everybody once a round, in a new order each', async (t) => {
    const order = new ProbeOrder(seededChance(5))
    for (let member = 0; member < 50; member += 1) order.insert(member)
    const rounds = Array.from({ length: 5 }, () => Array.from({ length: 50 }, () => order.next()))
    for (const round of rounds) t.equal(new Set(round).size, 50)
    t.notSame(rounds[0], rounds[1])
  })

  t.test('lets nobody wait longer than 2N − 1 periods, whoever comes and goes', async () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.constantFrom('next', 'next', 'next', 'insert', 'remove'), { maxLength: 400 }),
        (seed, steps) => {
          const chance = seededChance(seed)
          const order = new ProbeOrder(chance)
          for (let member = 0; member < 10; member += 1) order.insert(member)
          const waited = new Map<number, number>(Array.from({ length: 10 }, (_, at) => [at, 0]))
          let largest = 10
          let named = 10
          for (const step of steps) {
            if (step === 'insert') {
              order.insert(named)
              waited.set(named, 0)
              named += 1
            } else if (step === 'remove') {
              const [victim] = order.draw(1, () => true)
              if (victim === undefined) continue
              order.remove(victim)
              waited.delete(victim)
            } else {
              const probed = order.next()
              for (const [member, periods] of waited) waited.set(member, periods + 1)
              if (probed !== null) waited.set(probed, 0)
            }
            largest = Math.max(largest, order.size)
            equal(order.size, waited.size)
            for (const periods of waited.values()) ok(periods <= 2 * largest + named)
          }
          // All are still there, each once.
          deepStrictEqual(new Set(order.all()), new Set(waited.keys()))
        },
      ),
      { numRuns: 60 },
    )
  })

  t.test('a removal takes nobody its turn', async (t) => {
    for (let seed = 0; seed < 30; seed += 1) {
      const order = new ProbeOrder(seededChance(seed))
      for (let member = 0; member < 20; member += 1) order.insert(member)
      const probed = new Set<number | null>()
      // A whole round from its beginning.
      for (let turn = 0; turn < 20; turn += 1) order.next()
      for (let turn = 0; turn < 10; turn += 1) probed.add(order.next())
      const gone = [...probed].filter((member) => member !== null)[seed % 10] ?? 0
      order.remove(gone)
      for (let turn = 0; turn < 10; turn += 1) probed.add(order.next())
      t.equal(probed.size, 20)
    }
  })

  t.test('draws different members, and only who passes', async (t) => {
    const order = new ProbeOrder(seededChance(8))
    for (let member = 0; member < 40; member += 1) order.insert(member)
    for (let draw = 0; draw < 50; draw += 1) {
      const drawn = order.draw(3, (member) => member % 2 === 0)
      t.equal(new Set(drawn).size, 3)
      t.ok(drawn.every((member) => member % 2 === 0))
    }
    t.strictSame(
      order.draw(3, () => false),
      [],
    )
  })
})

t.test('a directory', async (t) => {
  t.test('uses a number again when nobody holds it', async (t) => {
    const directory = new Directory()
    const first = directory.hold('a')
    t.equal(directory.hold('a'), first)
    const second = directory.hold('b')
    directory.release(first)
    t.equal(directory.find('a'), first, 'somebody holds it still')
    directory.release(first)
    t.equal(directory.find('a'), undefined)
    t.equal(directory.nameIfUsed(first), undefined)
    t.equal(directory.hold('c'), first)
    t.equal(directory.nameOf(second), 'b')
  })

  t.test('keeps one copy of what a member said, and its bytes', async (t) => {
    const directory = new Directory()
    const number = directory.hold('n1')
    const said = aliveOf('n1', { meta: Uint8Array.of(1, 2, 3) })
    t.equal(directory.intern(number, said), said)
    t.equal(directory.intern(number, aliveOf('n1', { meta: Uint8Array.of(1, 2, 3) })), said)
    const newer = aliveOf('n1', { incarnation: 2 })
    t.equal(directory.intern(number, newer), newer)
    let encodings = 0
    const encode = (): Uint8Array => {
      encodings += 1
      return Uint8Array.of(4)
    }
    t.equal(directory.encoded(said, encode), directory.encoded(said, encode))
    t.equal(encodings, 1)
  })
})

const bytesOf = (...sizes: number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size))

t.test('a broadcast queue', async (t) => {
  t.test(
    'sends each as often as it should, the least sent first and the newest of those',
    async (t) => {
      const queue = new BroadcastQueue()
      const [a, b, c] = bytesOf(10, 10, 10)
      const done: string[] = []
      queue.put('a', a ?? never(), () => done.push('a'))
      queue.put('b', b ?? never(), () => done.push('b'))
      const packet = (): Uint8Array[] => {
        const parts: Uint8Array[] = []
        queue.pack(parts, 12, 2, 3)
        return parts
      }
      t.same(packet(), [b], 'the newest')
      t.same(packet(), [a], 'what was never sent')
      queue.put('c', c ?? never(), () => done.push('c'))
      t.same(packet(), [c])
      const rest = Array.from({ length: 6 }, packet).flat()
      for (const message of [a, b, c]) t.equal(rest.filter((part) => part === message).length, 2)
      t.same(packet(), [])
      t.strictSame(done.toSorted(), ['a', 'b', 'c'])
      t.equal(queue.size, 0)
    },
  )

  t.test('replaces older news of the same subject', async (t) => {
    const queue = new BroadcastQueue()
    const done: string[] = []
    for (const name of ['old', 'new'])
      queue.put(7, new Uint8Array(name.length), () => done.push(name))
    queue.put(null, new Uint8Array(9))
    queue.put(null, new Uint8Array(9))
    t.strictSame(done, ['old'])
    t.equal(queue.size, 3, 'what has no subject replaces nothing')
    t.ok(queue.has(7))
    const parts: Uint8Array[] = []
    queue.pack(parts, 1000, 2, 1)
    t.equal(parts.length, 3)
    t.notOk(queue.has(7))
  })

  t.test('packs by bytes, passing over what is too long', async (t) => {
    const queue = new BroadcastQueue()
    for (const size of [30, 500, 40, 700]) queue.put(size, new Uint8Array(size))
    const parts: Uint8Array[] = []
    const taken = queue.pack(parts, 100, 2, 9)
    t.same(new Set(parts.map(({ length }) => length)), new Set([30, 40]))
    t.equal(taken, 74)
    t.equal(queue.firstBytes(), 700)
  })

  t.test('puts nothing into a packet twice', async (t) => {
    const queue = new BroadcastQueue()
    queue.put('a', new Uint8Array(10))
    const parts: Uint8Array[] = []
    queue.pack(parts, 1000, 2, 5)
    t.equal(parts.length, 1)
  })

  t.test('drops what was sent most often, and of that the oldest', async (t) => {
    const queue = new BroadcastQueue()
    const dropped: string[] = []
    for (const name of ['a', 'b', 'c'])
      queue.put(name, new Uint8Array(10), () => dropped.push(name))
    queue.pack([], 12, 2, 9)
    queue.put('d', new Uint8Array(10), () => dropped.push('d'))
    queue.prune(2)
    t.strictSame(dropped, ['c', 'a'])
    t.equal(queue.size, 2)
  })

  t.test('does not grow while the same is said again and again to nobody', async (t) => {
    const queue = new BroadcastQueue()
    for (let again = 0; again < 100_000; again += 1) queue.put('self', new Uint8Array(1))
    t.equal(queue.size, 1)
    t.equal(queue.firstBytes(), 1)
  })

  t.test('never exceeds the room, nor sends anything too often (property)', async () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 1400 }),
        fc.integer({ min: 1, max: 6 }),
        (sizes, roomBytes, transmitsMax) => {
          const queue = new BroadcastQueue()
          const counts = new Map<Uint8Array, number>()
          let done = 0
          for (const [at, size] of sizes.entries()) {
            const bytes = new Uint8Array(size)
            counts.set(bytes, 0)
            queue.put(at, bytes, () => (done += 1))
          }
          for (let packet = 0; packet < 1000; packet += 1) {
            const parts: Uint8Array[] = []
            const taken = queue.pack(parts, roomBytes, 2, transmitsMax)
            if (parts.length === 0) break
            ok(taken <= roomBytes)
            for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1)
          }
          for (const count of counts.values()) ok(count <= transmitsMax)
          equal(done, sizes.length - queue.size)
        },
      ),
    )
  })
})

t.test('lanes share packets between classes', async (t) => {
  const roomBytes = 1200
  const storm = (lanes: Lanes, from: number): void => {
    for (let subject = from; subject < from + 400; subject += 1)
      lanes.membership.put(subject, new Uint8Array(60))
  }

  t.test('events get through a storm of suspicions', async (t) => {
    const lanes = new Lanes()
    const event = new Uint8Array(512)
    lanes.queue('event').put(null, event)
    let packets = 0
    for (; packets < 50; packets += 1) {
      storm(lanes, packets * 400)
      const parts: Uint8Array[] = []
      lanes.pack(parts, roomBytes, 10)
      if (parts.includes(event)) break
    }
    t.ok(packets < 6, `an event of 512 bytes went with packet ${packets}`)
  })

  t.test('suspicions get most of a packet in a flood of events', async (t) => {
    const lanes = new Lanes()
    let told = 0
    let bytes = 0
    for (let packet = 0; packet < 40; packet += 1) {
      storm(lanes, packet * 400)
      for (const name of ['intent', 'query', 'event'] as const)
        for (let at = 0; at < 20; at += 1) lanes.queue(name).put(null, new Uint8Array(100))
      const parts: Uint8Array[] = []
      lanes.pack(parts, roomBytes, 100)
      for (const { length } of parts) {
        bytes += length + 2
        if (length === 60) told += length + 2
      }
    }
    t.ok(bytes <= 40 * roomBytes)
    t.ok(told / bytes > 0.5 && told / bytes < 0.7, `their part is ${told / bytes}`)
  })

  t.test('whoever is alone gets it all', async (t) => {
    const lanes = new Lanes()
    for (let at = 0; at < 20; at += 1) lanes.queue('event').put(null, new Uint8Array(98))
    const parts: Uint8Array[] = []
    lanes.pack(parts, roomBytes, 10)
    t.equal(parts.length, 12)
    t.equal(lanes.size, 20)
  })
})

function never(): never {
  throw new Error('there is one')
}
