import t from 'tap'

import { encodeMessage } from '../../server/gossip/wire/codec.ts'
import { joinParts, sealPacket } from '../../server/gossip/wire/packet.ts'
import { wireCodec } from './codec.ts'
import {
  configOf,
  crashSome,
  createCore,
  detection,
  disagreements,
  methods,
  simulate,
  someOf,
  verdicts,
} from './measures.ts'
import type { Method } from './measures.ts'
import { building, lossy } from './network.ts'
import { Pool } from './pool.ts'
import { mean } from './statistics.ts'
import { Traffic } from './traffic.ts'

/** The claims of the tables that hold in a small pool too. Always the same seeds, and one that nobody tried before. */
const fresh = Math.floor(Math.random() * 2 ** 31)
const seeds = [1, fresh]
const members = 50

function run(seed: number, method: Method, loss: number, seconds: number): Pool {
  const options = { seed, members, config: configOf(method), weather: lossy(loss), seconds }
  return simulate(options, (pool, plan) => crashSome(pool, plan, { count: 3, fromS: 10, toS: 20 }))
}

t.test('crashes are noticed by everybody, and nobody else is buried', async (t) => {
  for (const method of methods)
    for (const seed of seeds) {
      const pool = run(seed, method, 0.01, 50)
      const name = `seed ${seed}, ${method}`
      t.equal(detection(pool).unnoticed, 0, `${name}: everybody noticed`)
      t.equal(verdicts(pool).failedViews, 0, `${name}: nobody was wrong`)
      t.equal(disagreements(pool), 0, `${name}: everybody agrees with the truth`)
    }
})

t.test('a quarter of all packets lost buries nobody who lives', async (t) => {
  const suspicions = { swim: 0, lifeguard: 0, praetor: 0 }
  for (const method of methods)
    for (const seed of seeds) {
      const pool = run(seed, method, 0.25, 45)
      suspicions[method] += pool.oracle.verdicts.suspicions
      if (method !== 'praetor') continue
      t.equal(verdicts(pool).failedViews, 0, `seed ${seed}`)
      t.equal(detection(pool).unnoticed, 0, `seed ${seed}`)
    }
  t.ok(
    suspicions.praetor * 20 < suspicions.lifeguard,
    `evidence imagines fewer crashes than Lifeguard: ${JSON.stringify(suspicions)}, seed ${fresh}`,
  )
})

t.test('a first suspicion comes within two periods on the average', async (t) => {
  const seen = seeds.flatMap((seed) => detection(run(seed, 'praetor', 0, 50)).suspected ?? [])
  t.ok(mean(seen) < 3, `${mean(seen)} s, seed ${fresh}`)
})

t.test('members with blocked sockets accuse nobody', async (t) => {
  for (const seed of seeds) {
    const config = configOf('praetor')
    const options = { seed, members, config, weather: building, seconds: 110 }
    const pool = simulate(options, (pool, plan) => {
      for (const index of someOf(pool, plan, 8)) {
        pool.oracle.afflicted.add(index)
        pool.do(10_000, () => pool.block(index))
        pool.do(40_000, () => pool.release(index))
      }
    })
    t.equal(verdicts(pool).failedByHealthyViews, 0, `seed ${seed}`)
    t.equal(verdicts(pool).lost, 8, `seed ${seed}: blocked for good, as far as one could know`)
    t.equal(disagreements(pool), 0, `seed ${seed}: and they came back`)
  }
})

t.test('who hears nothing takes nobody down', async (t) => {
  for (const seed of seeds) {
    const config = configOf('praetor')
    const options = { seed, members, config, weather: building, seconds: 80 }
    const pool = simulate(options, (pool, plan) => {
      for (const index of someOf(pool, plan, 2)) {
        pool.oracle.afflicted.add(index)
        pool.network.putAside(index, 1)
      }
      pool.do(10_000, () => {
        pool.network.wall(0, 1, 1)
        pool.network.wall(1, 1, 1)
      })
    })
    t.equal(verdicts(pool).innocents, 0, `seed ${seed}`)
  }
})

t.test('a pause of three seconds is survived', async (t) => {
  for (const seed of seeds) {
    const config = configOf('praetor')
    const pool = simulate(
      { seed, members, config, weather: building, seconds: 40 },
      (pool, plan) => {
        for (const index of someOf(pool, plan, 5)) {
          const fromMs = plan.between(5000, 20_000)
          pool.do(fromMs, () => pool.pause(index))
          pool.do(fromMs + 3000, () => pool.release(index))
        }
      },
    )
    t.equal(verdicts(pool).failedViews, 0, `seed ${seed}`)
  }
})

t.test(
  'newcomers are known to all, and those who leave are gone without being called failed',
  async (t) => {
    for (const seed of seeds) {
      const config = configOf('praetor')
      const pool = simulate(
        { seed, members, config, weather: lossy(0.01), seconds: 40 },
        (pool, plan) => {
          for (let newcomer = 0; newcomer < 5; newcomer += 1)
            pool.do(plan.between(2000, 10_000), () => pool.join(someOf(pool, plan, 3)))
          for (const index of someOf(pool, plan, 5)) pool.do(12_000, () => pool.leave(index))
        },
      )
      t.equal(pool.members.length, members + 5)
      t.equal(disagreements(pool), 0, `seed ${seed}`)
      t.equal(verdicts(pool).failedViews, 0, `seed ${seed}`)
    }
  },
)

t.test('a slow member answers late, and is a member', async (t) => {
  for (const seed of seeds) {
    const config = configOf('praetor')
    const pool = simulate({ seed, members, config, weather: building, seconds: 60 }, (pool) => {
      pool.at(3).serviceUs = 20_000
    })
    t.equal(verdicts(pool).failedViews, 0, `seed ${seed}`)
    t.equal(disagreements(pool), 0, `seed ${seed}`)
  }
})

t.test(
  'a seed is the same run whenever it is run, and whatever carries the messages',
  async (t) => {
    const options = {
      seed: fresh,
      members: 20,
      config: configOf('praetor'),
      weather: lossy(0.2),
      createSwim: createCore,
    }
    const pools = [new Pool(options), new Pool(options), new Pool({ ...options, codec: wireCodec })]
    for (const pool of pools) {
      pool.do(5000, () => pool.crash(7))
      pool.runUntil(30_000)
    }
    const [one, again, byWire] = pools.map(({ digest, traffic }) => ({ digest, traffic }))
    t.same(again, one, `seed ${fresh}`)
    t.same(byWire, one, `seed ${fresh}: production's codec end to end`)
    t.ok((one?.traffic.packets ?? 0) > 1000, 'something was sent')
  },
)

t.test('packets have the size that production gives them', async (t) => {
  const ping = encodeMessage({ kind: 'ping', sequence: 7, node: 'a' })
  const nack = encodeMessage({ kind: 'nack', sequence: 8 })
  for (const parts of [[ping], [ping, nack]])
    for (const checksum of [false, true]) {
      const sealed = sealPacket(joinParts(parts), { encryption: null, label: '' }, { checksum })
      const messages = wireCodec.open(parts, checksum)
      t.equal(new Traffic().sent(parts, messages, checksum), sealed.length)
    }
})
