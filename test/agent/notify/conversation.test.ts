import fc from 'fast-check'
import t from 'tap'

import { converse } from '../../../agent/notify/conversation.ts'
import type { LifeEvent, Stage } from '../../../agent/notify/conversation.ts'
import { notifySettings } from '../../../agent/notify/environment.ts'

const event = {
  waiting: { kind: 'waiting', status: 'Starting' },
  ready: { kind: 'ready', status: 'Up' },
  reloading: { kind: 'reloading', monotonicMicros: 7n },
  reloaded: { kind: 'reloaded', status: 'Up' },
  stopping: { kind: 'stopping', status: 'Stopping' },
  alive: { kind: 'alive' },
} as const satisfies Record<string, LifeEvent>

/** What is said when these things happen one after the other. */
function said(events: readonly LifeEvent[]): string[] {
  let stage: Stage = 'starting'
  const lines: string[] = []
  for (const each of events) {
    const next = converse(stage, each)
    if (next === undefined) continue
    stage = next.stage
    lines.push(next.message.join(' '))
  }
  return lines
}

t.test('a life is told from its start to its end', async (t) => {
  const { waiting, ready, reloading, reloaded, stopping, alive } = event
  t.strictSame(said([waiting, ready, alive, reloading, reloaded, stopping, alive]), [
    'EXTEND_TIMEOUT_USEC=60000000 STATUS=Starting',
    'READY=1 STATUS=Up',
    'WATCHDOG=1',
    'RELOADING=1 MONOTONIC_USEC=7 STATUS=Reading the configuration again',
    'READY=1 STATUS=Up',
    'STOPPING=1 STATUS=Stopping',
    'WATCHDOG=1',
  ])
})

t.test('what comes too late or too early is not told', async (t) => {
  const { waiting, ready, reloading, reloaded, stopping } = event
  t.strictSame(said([reloading, reloaded, ready, waiting, ready]), ['READY=1 STATUS=Up'])
  t.strictSame(said([ready, reloading, stopping, reloaded, stopping, waiting]).slice(2), [
    'STOPPING=1 STATUS=Stopping',
  ])
})

t.test('a status is one line, whatever it is made of', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (status) => {
      const [ready, line = ''] = converse('starting', { kind: 'ready', status })?.message ?? []
      return ready === 'READY=1' && !/[\n\r\0]/.test(line) && line.length <= 'STATUS='.length + 300
    }),
  )
})

t.test(
  'a manager is found by its variables, and its watchdog if it is for this process',
  async (t) => {
    const rows: readonly (readonly [Record<string, string>, ReturnType<typeof notifySettings>])[] =
      [
        [{}, undefined],
        [{ NOTIFY_SOCKET: '' }, undefined],
        [{ NOTIFY_SOCKET: 'vsock:2:1' }, undefined],
        [{ NOTIFY_SOCKET: '/run/n' }, { socket: '/run/n', watchdogMs: undefined }],
        [
          { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '30000000' },
          { socket: '@n', watchdogMs: 30_000 },
        ],
        [
          { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '1500', WATCHDOG_PID: '42' },
          { socket: '@n', watchdogMs: 1.5 },
        ],
        [
          { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '1500', WATCHDOG_PID: '41' },
          { socket: '@n', watchdogMs: undefined },
        ],
        [
          { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '0' },
          { socket: '@n', watchdogMs: undefined },
        ],
      ]
    for (const [env, expected] of rows)
      t.strictSame(notifySettings(env, 42), expected, JSON.stringify(env))
  },
)
