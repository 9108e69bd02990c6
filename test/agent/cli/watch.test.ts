import t from 'tap'

import type { View } from '../../../agent/watch/kind.ts'
import { watch } from '../../../agent/watch/watcher.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { VirtualClock } from '../../support/clock.ts'
import { follow, runLine, wordsOf } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const agent = { self: async () => ({}) }
const { port, ask } = await serve(t, fakePorts({ rpc: localRpc().rpc, agent }))
const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }
const wrong = { code: 1 }

t.before(async () => {
  await ask('PUT', '/v1/catalog/register', {
    body: JSON.stringify({
      Node: 'n1',
      Address: '10.0.0.1',
      Service: { ID: 'w1', Service: 'web', Tags: ['a', 'b'], Port: 80 },
      Check: { CheckID: 'web', Name: 'c', Status: 'passing', ServiceID: 'w1' },
    }),
  })
  await ask('PUT', '/v1/kv/k/1?flags=18446744073709551615', { body: '<1>' })
})

/** What is printed without a program to run, as JSON. */
async function look(line: string): Promise<unknown> {
  const { code, out, err } = await runLine(wordsOf(line), { env })
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

t.test('without a program, what is seen is printed as clients of Go see it', async (t) => {
  const { out } = await runLine(wordsOf('watch -type=key -key=k/1'), { env })
  t.equal(
    out.replaceAll(/("\w+Index": )[1-9]\d*/g, '$1#'),
    `{
    "Key": "k/1",
    "CreateIndex": #,
    "ModifyIndex": #,
    "LockIndex": 0,
    "Flags": 18446744073709551615,
    "Value": "PDE+",
    "Session": ""
}
`,
  )
  await follow(t, port, [
    ['watch -type=key -key=nope', 'null\n'],
    ['watch -type=keyprefix -prefix=nope', 'null\n'],
    ['watch -type=services', '{\n    "web": [\n        "a",\n        "b"\n    ]\n}\n'],
    ['watch -type=service -service=nope', '[]\n'],
    ['watch -type=service -service=web -tag=a -tag=z', '[]\n'],
    ['watch -type=checks -state=critical', '[]\n'],
    ['watch -type=event', '[]\n'],
  ])
  t.match(await look('watch -type=keyprefix -prefix=k'), [{ Key: 'k/1', Session: '' }])
  t.match(await look('watch -type=nodes -token=x -stale'), [{ Node: 'n1' }])
  const definition = { Interval: '0s', HTTP: '', Header: null, TLSSkipVerify: false }
  t.match(await look('watch -type=checks -service=web'), [{ Definition: definition }])
  const [instance] = (await look('watch -type=service -service=web -passingonly=true')) as [
    { Service: object; Checks: [object] },
  ]
  t.match(instance.Checks[0], { Definition: definition })
  t.strictSame(Object.keys(instance.Service).slice(-4), [
    'CreateIndex',
    'ModifyIndex',
    'Proxy',
    'Connect',
  ])
})

t.test('what can not be watched is refused', async (t) => {
  await follow(t, port, [
    ['watch -type=bogus', 'Unsupported watch type: bogus\n', wrong],
    ['watch -type=connect_roots', 'Type connect_roots is not supported in the CLI tool\n', wrong],
    ['watch -type=key', 'Must specify a single key to watch\n', wrong],
    ['watch -type=keyprefix', 'Must specify a single prefix to watch\n', wrong],
    ['watch -type=service', 'Must specify a single service to watch\n', wrong],
    [
      'watch -type=service -service=web -passingonly=x',
      'Failed to parse passingonly flag: strconv.ParseBool: parsing "x": invalid syntax\n',
      wrong,
    ],
    ['watch -type=checks -service=a -state=any', 'Cannot specify service and state\n', wrong],
    ['watch -type=nodes -key=a -prefix=b', 'Invalid parameters: [key prefix]\n', wrong],
  ])
  const { code, err } = await runLine(['watch'])
  t.equal(code, 1)
  t.match(err, /^Watch type must be specified\n\nUsage: praetor watch/)
})

t.test('a program is run at each change, until we are interrupted', async (t) => {
  const interruption = new AbortController()
  await ask('PUT', '/v1/kv/w', { body: '1' })
  let seen = 0
  const { code, out, err } = await runLine(
    ['watch', '-type=key', '-key=w', 'cat; echo "index $CONSUL_INDEX"'],
    {
      env,
      interrupted: interruption.signal,
      heard: (out) => {
        const times = out.split('index').length - 1
        if (times === seen) return
        seen = times
        if (seen === 1) void ask('PUT', '/v1/kv/w', { body: '2' })
        else interruption.abort()
      },
    },
  )
  t.strictSame([code, err], [0, ''])
  const values = Array.from(out.matchAll(/^(\{.*\})\nindex (\d+)$/gm), ([, json = '', index]) => {
    const { Value, ModifyIndex } = JSON.parse(json) as { Value: string; ModifyIndex: number }
    return [Buffer.from(Value, 'base64').toString(), String(ModifyIndex) === index]
  })
  t.strictSame(values, [
    ['1', true],
    ['2', true],
  ])
})

t.test('a program that fails ends the watch', (t) =>
  follow(t, port, [
    ["watch -type=key -key=k/1 'exit 3'", 'Error executing handler: exit status 3\n', wrong],
    [
      'watch -type=key -key=k/1 -shell=false nosuchprogram',
      'Error starting handler: exec: "nosuchprogram": executable file not found in $PATH\n',
      wrong,
    ],
  ]),
)

t.test(
  'a watch tells what changed, asks on from there, and asks less after failures',
  async (t) => {
    const clock = new VirtualClock()
    const over = new AbortController()
    const script: readonly (View | string)[] = [
      { value: 'a', index: '5' },
      { value: 'a', index: '5' },
      { value: 'a', index: '6' },
      { value: 'b', index: '7' },
      'first',
      'second',
      { value: 'c', index: '3' },
      { value: 'c', index: '0' },
      { value: 'd', index: '9' },
    ]
    const asked: (string | undefined)[] = []
    const failures: string[] = []
    const views = watch(
      async (index) => {
        const next = script[asked.length]
        asked.push(index)
        if (next === undefined) over.abort()
        over.signal.throwIfAborted()
        if (typeof next === 'string') throw new PraetorError('failed', next)
        return next as View
      },
      {
        clock,
        signal: over.signal,
        failed: ({ message }, retryMs) => void failures.push(`${message} ${retryMs}`),
      },
    )
    const seen = (async () => {
      const values: unknown[] = []
      try {
        for await (const { value } of views) values.push(value)
      } catch (error) {
        t.equal((error as Error).name, 'AbortError')
      }
      return values
    })()
    await clock.advance(60_000)
    t.strictSame(await seen, ['a', 'b', 'c', 'd'])
    t.strictSame(asked, [undefined, '5', '5', '6', '7', '7', '7', undefined, undefined, '9'])
    t.strictSame(failures, ['first 5000', 'second 20000'])
    t.equal(clock.timers, 0)
  },
)
