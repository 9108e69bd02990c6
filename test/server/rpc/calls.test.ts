import { getEventListeners } from 'node:events'
import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'

import t from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import type { Rpc } from '../../../server/model/methods.ts'
import type { QueryOptions } from '../../../server/model/query.ts'
import { Answerer } from '../../../server/rpc/answerer.ts'
import type { AnswererLimits, CallHandler, InboundCall } from '../../../server/rpc/answerer.ts'
import { CallFailed, Caller } from '../../../server/rpc/caller.ts'
import { NotLeader, errorFields, errorOfAnswer } from '../../../server/rpc/error-wire.ts'
import { messageMaxBytes } from '../../../server/rpc/message-reader.ts'
import { RemoteRpc } from '../../../server/rpc/remote-rpc.ts'
import { createRpcService } from '../../../server/rpc/rpc-service.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { VirtualClock, settle } from '../../support/clock.ts'

interface Line {
  readonly caller: Caller
  readonly answerer: Answerer
  readonly clock: VirtualClock
  /** The answering end: a test may break it. */
  readonly far: Duplex
}

function connected(
  handle: CallHandler,
  {
    concurrent = true,
    limits,
  }: { readonly concurrent?: boolean; readonly limits?: AnswererLimits } = {},
): Line {
  const [near, far] = duplexPair()
  const clock = new VirtualClock()
  const more = limits ? { limits } : {}
  const answerer = new Answerer(far, { handle, log: noLog, metrics: noMetrics, ...more })
  return { caller: new Caller(near, { clock, concurrent }), answerer, clock, far }
}

/** Calls that wait until the test answers them. */
class Pending {
  readonly calls: InboundCall[] = []
  readonly #answers = new Map<InboundCall, (answer: unknown) => void>()

  readonly handle: CallHandler = (call) => {
    this.calls.push(call)
    return new Promise((resolve) => this.#answers.set(call, resolve))
  }

  answer(at: number, body: unknown): void {
    const call = this.calls[at]
    if (call) this.#answers.get(call)?.(body)
  }
}

const soon = { timeoutMs: 1_000 }
const echo: CallHandler = async ({ body }) => body

t.test(
  'a call brings its answer, a hundred bring theirs in whatever order they come',
  async (t) => {
    const pending = new Pending()
    const { caller, answerer } = connected(pending.handle)
    const answers = Array.from({ length: 100 }, (_, n) => caller.call('Echo', { n }, soon))
    await settle()
    t.equal(answerer.running, 100)
    for (let at = 99; at >= 0; at -= 1) pending.answer(at, pending.calls[at]?.body)
    t.strictSame(
      await Promise.all(answers),
      Array.from({ length: 100 }, (_, n) => ({ n })),
    )
    t.equal(caller.waiting, 0)
  },
)

t.test('errors keep their kind and gain a prefix', async (t) => {
  const errors: readonly [Error, string, string][] = [
    [
      new PraetorError('not-found', 'nothing there'),
      'not-found',
      'rpc error making call: nothing there',
    ],
    [
      new PraetorError('denied', 'Permission denied'),
      'denied',
      'rpc error making call: Permission denied',
    ],
    [new Error('a bug'), 'failed', 'rpc error making call: a bug'],
    [new Error('\u0000'.slice(1)), 'failed', 'rpc error making call: unknown error'],
  ]
  for (const [thrown, kind, message] of errors) {
    const { caller } = connected(() => Promise.reject(thrown))
    await t.rejects(caller.call('X', {}, soon), { kind, message })
  }
})

t.test("a Consul's errors tell their kind by their text", async (t) => {
  const kinds: readonly [string, string][] = [
    ['Permission denied', 'denied'],
    ['rpc error making call: ACL not found', 'denied'],
    ['Query not found', 'not-found'],
    ['No cluster leader', 'failed'],
    ['anything else', 'failed'],
  ]
  for (const [text, kind] of kinds) t.equal(errorOfAnswer({ Error: text }).kind, kind, text)
  t.equal(errorOfAnswer({ Error: 'x', Kind: 'constructor' }).kind, 'failed')
  t.ok(errorOfAnswer({ ...errorFields(new NotLeader()) }) instanceof NotLeader)
})

t.test('a call that is given up rejects at once, and the other side hears of it', async (t) => {
  const pending = new Pending()
  const { caller, answerer } = connected(pending.handle)
  const giving = new AbortController()
  const given = caller.call('Wait', {}, { ...soon, signal: giving.signal })
  const other = caller.call('Wait', {}, soon)
  await settle()
  const signals = pending.calls.map(({ signal }) => signal)
  giving.abort(new Error('gone'))
  await t.rejects(given, { message: 'gone' })
  await settle()
  t.strictSame(
    signals.map(({ aborted }) => aborted),
    [true, false],
  )
  pending.answer(0, 'for nobody')
  pending.answer(1, 'here')
  t.equal(await other, 'here')
  t.equal(answerer.running, 0)
  const patient = new AbortController()
  const answered = caller.call('Wait', {}, { ...soon, signal: patient.signal })
  await settle()
  pending.answer(2, 'well')
  await answered
  t.strictSame(getEventListeners(patient.signal, 'abort'), [], 'a call that is over hears nothing')
  await t.rejects(caller.call('Wait', {}, { ...soon, signal: giving.signal }), { message: 'gone' })
})

t.test('where calls are answered in turn, giving one up costs the connection', async (t) => {
  const { caller } = connected(new Pending().handle, { concurrent: false })
  const giving = new AbortController()
  const given = caller.call('Wait', {}, { ...soon, signal: giving.signal })
  giving.abort(new Error('gone'))
  await t.rejects(given, { message: 'gone' })
  t.notOk(caller.isOpen)
})

t.test('who was asked as the leader is not waited for when another leads', async (t) => {
  const pending = new Pending()
  const { caller } = connected(pending.handle)
  const asLeader = caller.call('Write', 1, { ...soon, toLeader: true })
  const asServer = caller.call('Read', 2, soon)
  await settle()
  caller.depose()
  await t.rejects(asLeader, { message: 'rpc error making call: another server leads', sent: true })
  await settle()
  t.ok(pending.calls[0]?.signal.aborted, 'and it hears that nobody waits')
  pending.answer(1, 'here')
  t.equal(await asServer, 'here')
})

t.test('a call ends at its deadline, and its late answer finds nobody', async (t) => {
  const pending = new Pending()
  const { caller, clock } = connected(pending.handle)
  const late = caller.call('Wait', {}, { timeoutMs: 900 })
  const refused = t.rejects(late, { name: 'PraetorError', message: 'rpc timeout', sent: true })
  await clock.advance(1_000)
  await refused
  pending.answer(0, 'late')
  const answered = caller.call('Wait', {}, soon)
  await settle()
  pending.answer(pending.calls.length - 1, 'well')
  t.equal(await answered, 'well')
  await clock.advance(1_000)
  t.equal(clock.timers, 0, 'nobody waits, so nothing is looked at')
})

t.test(
  'calls fail with their connection, and say whether they can have been carried out',
  async (t) => {
    const { caller, far } = connected(new Pending().handle)
    const waiting = caller.call('Wait', {}, soon)
    await settle()
    far.destroy()
    await t.rejects(waiting, { message: 'rpc error making call: EOF', sent: true })
    const next = caller.call('Wait', {}, soon)
    await t.rejects(next, { message: 'EOF', sent: false })
    t.ok((await next.catch((error: unknown) => error)) instanceof CallFailed)
  },
)

t.test('an answer that is none ends the connection', async (t) => {
  const [near, far] = duplexPair()
  const caller = new Caller(near, { clock: new VirtualClock(), concurrent: true })
  const waiting = caller.call('X', {}, soon)
  far.write(Buffer.of(0xc1))
  await t.rejects(waiting, /no value begins with 0xc1/)
})

t.test('a caller that goes away takes its calls with it', async (t) => {
  const pending = new Pending()
  const { caller, answerer } = connected(pending.handle)
  const waiting = caller.call('Wait', {}, soon)
  await settle()
  const signal = pending.calls[0]?.signal
  caller.destroy()
  await t.rejects(waiting, { message: 'rpc error making call: EOF', sent: true })
  await settle()
  t.equal(signal?.aborted, true)
  pending.answer(0, 'for nobody')
  await settle()
  t.equal(answerer.running, 0)
})

t.test('no more calls are begun than are allowed; the rest wait in the connection', async (t) => {
  const pending = new Pending()
  const { caller, answerer } = connected(pending.handle, {
    limits: { callsMax: 2, messageMaxBytes: 1e6 },
  })
  const answers: Promise<unknown>[] = []
  for (let n = 0; n < 6; n += 1) {
    answers.push(caller.call('Wait', {}, soon))
    await settle()
  }
  t.equal(answerer.running, 2)
  for (let n = 0; n < 6; n += 1) {
    pending.answer(n, n)
    await settle()
  }
  t.strictSame(await Promise.all(answers), [0, 1, 2, 3, 4, 5])
})

t.test('a message that is too large, or none, ends the connection that sent it', async (t) => {
  const limits = { callsMax: 9, messageMaxBytes: 1_000 }
  const { caller } = connected(echo, { limits })
  await t.rejects(caller.call('Echo', { large: 'x'.repeat(2_000) }, soon), /EOF/)
  const [near, far] = duplexPair()
  new Answerer(far, { handle: echo, log: noLog, metrics: noMetrics }).running.toFixed()
  near.write(Buffer.of(0x81, 0xa3, 0x53, 0x65, 0x71, 0x01, 0xc0))
  t.equal(
    await new Promise((resolve) => near.once('end', () => resolve('ended')).resume()),
    'ended',
  )
})

t.test('an answer that cannot be sent is an error, and the next one is sent', async (t) => {
  const answers = [() => undefined, { large: Buffer.alloc(messageMaxBytes) }, 'well']
  const { caller } = connected(async () => answers.shift())
  await t.rejects(caller.call('X', {}, soon), /msgpack has no function/)
  await t.rejects(caller.call('X', {}, soon), {
    kind: 'too-large',
    message: /rpc error making call: rpc: the answer has \d+ bytes/,
  })
  t.equal(await caller.call('X', {}, soon), 'well')
})

/** An Rpc that says what it was asked. */
function recording(name: string, asked: unknown[]): Rpc {
  return {
    async read(method, args, options) {
      asked.push([name, method, args, options])
      const meta = { index: 5, knownLeader: true, lastContactMs: 3, consistency: 'stale' } as const
      return { value: [] as never, meta }
    },
    write(method, args, options) {
      asked.push([name, method, args, options])
      return Promise.resolve<never>(true as never)
    },
  }
}

t.test('the methods cross a connection, with all that is said beside them', async (t) => {
  const asked: unknown[] = []
  let leads = false
  const handle = createRpcService({
    rpc: recording('any', asked),
    local: recording('leader', asked),
    isLeader: () => leads,
    others: { 'Status.Ping': () => ({}), 'Status.Leader': () => '127.0.0.1:8300' },
  })
  const { caller } = connected(handle)
  const calls = {
    call: (_target: unknown, ...rest: Parameters<Caller['call']>) => caller.call(...rest),
  }
  const shared = { calls, target: { address: 'x', speaks: 'praetor' }, datacenter: 'dc1' } as const
  const rpc = new RemoteRpc(shared)
  const query: QueryOptions = { token: 't', consistency: 'stale', filter: 'Node == a' }
  t.strictSame(await rpc.read('Health.NodeChecks', { Node: 'n' }, query), {
    value: [],
    meta: { index: 5, knownLeader: true, lastContactMs: 3, consistency: 'stale' },
  })
  t.strictSame(asked.pop(), [
    'any',
    'Health.NodeChecks',
    { Node: 'n' },
    { ...query, datacenter: 'dc1' },
  ])

  const blocking = rpc.read('Session.List', {}, { minIndex: 4, waitMs: 100, datacenter: 'dc2' })
  t.equal((await blocking).meta.consistency, 'default')
  t.match(asked.pop(), [
    'any',
    'Session.List',
    {},
    { minIndex: 4, waitMs: 100, signal: AbortSignal, datacenter: 'dc2' },
  ])

  const id = { origin: 'o', epoch: 'e', sequence: 9 }
  const DirEnt = { Key: 'a', Flags: 2n ** 60n, Value: new Uint8Array(Buffer.of(0xff)) }
  t.equal(await rpc.write('KVS.Apply', { Op: 'cas', DirEnt }, { id, token: 't' }), true)
  t.strictSame(asked.pop(), [
    'any',
    'KVS.Apply',
    { Op: 'cas', DirEnt },
    { id, token: 't', datacenter: 'dc1' },
  ])

  const forwarding = new RemoteRpc({ ...shared, forwarded: true })
  await t.rejects(forwarding.read('Session.List', {}), {
    message: 'rpc error making call: No cluster leader',
  })
  t.ok(
    (await forwarding
      .write('KVS.Apply', { Op: 'cas', DirEnt })
      .catch((error: unknown) => error)) instanceof NotLeader,
  )
  t.strictSame(asked, [], 'a forwarded call is done by a leader or not at all')
  leads = true
  await forwarding.read('Session.List', {})
  t.match(asked.pop(), ['leader', 'Session.List'])

  t.strictSame(await caller.call('Status.Ping', {}, soon), {})
  t.equal(await caller.call('Status.Leader', null, soon), '127.0.0.1:8300')
  await t.rejects(caller.call('Status.Nope', {}, soon), /rpc: can't find method Status.Nope/)
  await t.rejects(caller.call('Nope', {}, soon), /rpc: can't find service Nope/)
  await t.rejects(caller.call('toString', {}, soon), /rpc: can't find service toString/)
  await t.rejects(caller.call('KVS.Get', { Key: 1 }, soon), {
    kind: 'bad-request',
    message: /text was expected, not a number/,
  })
  await t.rejects(caller.call('KVS.Get', 7, soon), /a map was expected/)
})
