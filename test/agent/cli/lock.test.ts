import t from 'tap'

import { must } from '../../../server/model/assert.ts'
import { follow, runLine, wordsOf } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const agent = { self: async () => ({}) }
const { ask, port } = await serve(t, fakePorts({ rpc: localRpc().rpc, agent }))
const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }

t.before(() =>
  ask('PUT', '/v1/catalog/register', {
    body: JSON.stringify({
      Node: 'n1',
      Address: '127.0.0.1',
      Check: { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing' },
    }),
  }),
)

/** The keys below a prefix, with who holds them. */
async function keys(prefix: string): Promise<readonly Key[]> {
  const { status, body } = await ask('GET', `/v1/kv/${prefix}?recurse`)
  return status === 404 ? [] : (JSON.parse(body) as readonly Key[])
}

interface Key {
  readonly Key: string
  readonly Session?: string
  readonly Value: string | null
}

const sessions = async (): Promise<readonly unknown[]> =>
  JSON.parse((await ask('GET', '/v1/session/list')).body) as readonly unknown[]

const wrong = { code: 1 }
const holding = "sh -c 'echo held; exec sleep 60'"

t.test('a program runs under a lock, and nothing is left behind', async (t) => {
  await follow(t, port, [
    ["lock l 'echo $CONSUL_LOCK_HELD'", 'true\n'],
    ['lock -shell=false l echo $HOME', '$HOME\n'],
    ['lock -pass-stdin l cat', 'what it reads', { stdin: 'what it reads' }],
    ['lock l cat', '', { stdin: 'what it does not read' }],
    ['lock -n=2 s echo in', 'in\n'],
    [
      'lock -verbose /l/ true',
      'Setting up lock at path: l/.lock\nAttempting lock acquisition\nStarting handler\nChild terminated, releasing lock\nCleanup succeeded\n',
    ],
    [
      'lock -verbose -n=2 s true',
      'Setting up semaphore (limit 2) at prefix: s\nAttempting lock acquisition\nStarting handler\nChild terminated, releasing lock\nCleanup succeeded\n',
    ],
  ])
  t.strictSame([await keys('l'), await keys('s'), await sessions()], [[], [], []])
})

t.test('that the program failed is told, and is our failure only where asked for', async (t) => {
  const cases: readonly [line: string, code: number, said: string][] = [
    ['lock l false', 0, 'Error running handler: exit status 1\n'],
    ["lock -child-exit-code l 'exit 3'", 2, 'Error running handler: exit status 3\n'],
    ["lock -child-exit-code l 'kill -9 $$'", 2, 'Error running handler: signal: killed\n'],
    [
      'lock -shell=false l nosuchprogram',
      0,
      'Error starting handler: exec: "nosuchprogram": executable file not found in $PATH\n',
    ],
  ]
  for (const [line, code, err] of cases)
    t.strictSame(await runLine(wordsOf(line), { env }), { code, out: '', err }, line)
})

t.test('what can not be had is refused', async (t) => {
  await ask('PUT', '/v1/kv/other/.lock', { body: 'x' })
  await follow(t, port, [
    ['lock l', 'Key prefix and child command must be specified\n', wrong],
    ['lock -n=0 l true', 'Lock holder limit must be positive\n', wrong],
    ['lock -timeout=-1s l true', 'Timeout must be positive\n', wrong],
    ['lock -monitor-retry=-1 l true', "Number for 'monitor-retry' must be >= 0\n", wrong],
    ['lock other true', 'Lock acquisition failed: Existing key does not match lock use\n', wrong],
    [
      'lock -n=2 other true',
      'Lock acquisition failed: Existing key does not match semaphore use\n',
      wrong,
    ],
  ])
  t.strictSame(await sessions(), [])
})

/** Runs a line until its program runs, and hands out how to end it. */
async function hold(
  line: string,
): Promise<{ interrupt(): void; readonly outcome: ReturnType<typeof runLine> }> {
  const interruption = new AbortController()
  const held = Promise.withResolvers<void>()
  const outcome = runLine([...wordsOf(line), ...wordsOf(holding)], {
    env,
    interrupted: interruption.signal,
    heard: (out) => {
      if (/held/.test(out)) held.resolve()
    },
  })
  await Promise.race([held.promise, outcome])
  return { interrupt: () => interruption.abort(), outcome }
}

t.test('a lock has one holder at a time, as other tools have it', async (t) => {
  const holder = await hold('lock -shell=false -verbose l')
  const [lock] = await keys('l')
  t.match(lock, { Key: 'l/.lock', Value: null })
  t.match((await ask('GET', '/v1/kv/l/.lock')).body, /"Flags":3304740253564472344,/)
  await follow(t, port, [
    ['lock -timeout=50ms l true', 'Shutdown triggered or timeout during lock acquisition\n', wrong],
  ])
  const next = runLine(wordsOf('lock l echo next'), { env })
  holder.interrupt()
  const { code, out } = await holder.outcome
  t.equal(code, 0)
  t.match(out, /Shutdown triggered, killing child\nTerminating child pid \d+\nChild terminated\n/)
  t.strictSame(await next, { code: 0, out: 'next\n', err: '' })
})

t.test('a semaphore has as many holders as all say, as other tools have it', async (t) => {
  const first = await hold('lock -shell=false -n=2 s')
  const second = await hold('lock -shell=false -n=2 s')
  const all = await keys('s')
  const lock = must(
    all.find(({ Key }) => Key === 's/.lock'),
    'the list of holders',
  )
  const contenders = all.filter(({ Session }) => Session !== undefined)
  t.strictSame(JSON.parse(Buffer.from(lock.Value ?? '', 'base64').toString()), {
    Limit: 2,
    Holders: Object.fromEntries(contenders.map(({ Session }) => [Session ?? '', true])),
  })
  t.strictSame(
    contenders.map(({ Key }) => Key).toSorted(),
    contenders.map(({ Session }) => `s/${Session}`).toSorted(),
  )
  await follow(t, port, [
    [
      'lock -n=2 -timeout=50ms s true',
      'Shutdown triggered or timeout during lock acquisition\n',
      wrong,
    ],
    [
      'lock -n=3 s true',
      'Lock acquisition failed: semaphore limit conflict (lock: 2, local: 3)\n',
      wrong,
    ],
  ])
  t.equal((await keys('s')).length, 3, 'those who gave up left nothing')
  const third = runLine(wordsOf('lock -n=2 s echo third'), { env })
  first.interrupt()
  t.strictSame(await third, { code: 0, out: 'third\n', err: '' })
  second.interrupt()
  await Promise.all([first.outcome, second.outcome])
  t.strictSame([await keys('s'), await sessions()], [[], []])
})

t.test('a program whose lock is lost is ended', async (t) => {
  for (const line of ['lock -shell=false -verbose l', 'lock -shell=false -verbose -n=2 l']) {
    const holder = await hold(line)
    const session = must(
      (await keys('l')).find(({ Session }) => Session !== undefined)?.Session,
      'a holder',
    )
    await ask('PUT', `/v1/session/destroy/${session}`)
    const { code, out, err } = await holder.outcome
    t.equal(code, 0)
    t.match(out, /Lock lost, killing child\nTerminating child pid \d+\nChild terminated\n/)
    t.equal(err, 'Error running handler: signal: terminated\n')
  }
})

t.test('who waits for a lock can be interrupted', async (t) => {
  const holder = await hold('lock -shell=false l')
  const interruption = new AbortController()
  const waiting = runLine(wordsOf('lock -verbose l true'), {
    env,
    interrupted: interruption.signal,
    heard: (out) => {
      if (/Attempting/.test(out)) interruption.abort()
    },
  })
  t.strictSame(await waiting, {
    code: 1,
    out: 'Setting up lock at path: l/.lock\nAttempting lock acquisition\n',
    err: 'Shutdown triggered or timeout during lock acquisition\n',
  })
  holder.interrupt()
  await holder.outcome
})
