import t from 'tap'

import { untilJoined } from '../../../agent/notify/joined.ts'
import { ServiceManager } from '../../../agent/notify/service-manager.ts'
import type { Member } from '../../../server/model/member.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { settle, VirtualClock } from '../../support/clock.ts'

interface Told {
  readonly manager: ServiceManager
  readonly clock: VirtualClock
  /** Takes what was said since. */
  readonly told: () => string[]
}

function managed(probe: (signal: AbortSignal) => Promise<void> = async () => undefined): Told {
  const clock = new VirtualClock()
  const said: string[] = []
  const manager = new ServiceManager({
    clock,
    log: noLog,
    watchdogMs: 10_000,
    probe,
    sender: { send: ([first = '']) => void said.push(first), sent: () => Promise.resolve() },
  })
  return { manager, clock, told: () => said.splice(0) }
}

t.test('a start that waits asks for time until it is ready', async (t) => {
  const { manager, clock, told } = managed()
  manager.waiting('Looking')
  await clock.advance(65_000)
  t.strictSame(told(), Array(3).fill('EXTEND_TIMEOUT_USEC=60000000'))
  manager.ready('Up')
  t.strictSame(told(), ['READY=1'])
  await clock.advance(4999)
  t.strictSame(told(), [])
  await manager.close()
  t.equal(clock.timers, 0)
})

t.test(
  'the watchdog is fed twice in its period, and no more once the agent is silent',
  async (t) => {
    let isWell = true
    const { manager, clock, told } = managed((signal) =>
      isWell
        ? Promise.resolve()
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    manager.ready('Up')
    told()
    await clock.advance(20_000)
    t.strictSame(told(), Array(4).fill('WATCHDOG=1'))
    isWell = false
    await clock.advance(60_000)
    t.strictSame(told(), [])
    isWell = true
    await clock.advance(10_000)
    t.ok(told().length > 0, 'and again once it answers')
    isWell = false
    manager.stopping('Leaving')
    await clock.advance(20_000)
    t.ok(told().filter((line) => line === 'WATCHDOG=1').length > 1, 'who stops need not answer')
    await manager.close()
    t.equal(clock.timers, 0)
  },
)

t.test('a reload that fails is over too, and fails for whoever asked', async (t) => {
  const { manager, told } = managed()
  manager.ready('Up')
  await t.rejects(
    manager.reloading(() => Promise.reject(new Error('bad'))),
    /bad/,
  )
  t.strictSame(told(), ['READY=1', 'RELOADING=1', 'READY=1'])
  await manager.close()
})

t.test('a node has joined once it knows another, and at once if it looks for none', async (t) => {
  const member = (Name: string, Status: number): Member => ({ Name, Status }) as Member
  let members = [member('me', 1)]
  let changed = (): void => undefined
  const pool = {
    members: () => members,
    onChange: (listener: () => void) => {
      changed = listener
      return () => (changed = () => undefined)
    },
  }
  const retryJoin = { addresses: ['other'], intervalMs: 1, attemptsMax: 0 }
  await untilJoined(pool, { nodeName: 'me', retryJoin: { ...retryJoin, addresses: [] } })
  let hasJoined = false
  void untilJoined(pool, { nodeName: 'me', retryJoin }).then(() => (hasJoined = true))
  members = [member('me', 1), member('other', 4)]
  changed()
  await settle()
  t.notOk(hasJoined, 'one that failed is nobody')
  members = [member('me', 1), member('other', 1)]
  changed()
  await settle()
  t.ok(hasJoined)
})
