import t from 'tap'

import { origin } from '../../../server/model/coordinate.ts'
import { follow, runLine } from '../../support/command-line.ts'
import { fakePorts, fakeRpc } from '../../support/fake-agent.ts'
import { memoryGossip } from '../../support/gossip.ts'
import { serve } from '../../support/http.ts'

const wrong = { code: 1 }
const agent = {
  self: () => Promise.resolve({ Config: { NodeName: 'n1', Datacenter: 'dc1' } }),
}
const nowhere = { CONSUL_HTTP_ADDR: '127.0.0.1:1' }
const refused = (method: string, path: string): string =>
  `${method} "http://127.0.0.1:1${path}": dial tcp 127.0.0.1:1: connect: connection refused\n`

t.test('an event is fired with its payload and filters', async (t) => {
  const gossip = memoryGossip({ services: [{ ID: 'web1', Tags: ['blue'] }] })
  const { port } = await serve(t, fakePorts({ agent, gossip }))
  const run = (...words: string[]) =>
    runLine(['event', ...words], { env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` } })
  const fired = await run('-name=a b?c', '-node=n', '-service=web', '-tag=e$', 'the payload')
  const [event] = gossip.events.recent()
  t.strictSame(fired, { code: 0, out: `Event ID: ${event?.ID}\n`, err: '' })
  t.match(event, { Name: 'a b?c', NodeFilter: 'n', ServiceFilter: 'web', TagFilter: 'e$' })
  t.equal(Buffer.from(event?.Payload ?? []).toString(), 'the payload')
  await run('-name=bare')
  t.match(gossip.events.recent()[1], { Name: 'bare', Payload: null })

  const parse = 'error parsing regexp: missing closing ): `(`\n'
  await follow(t, port, [
    ['event -name=x -node=(', `Failed to compile node filter regexp: ${parse}`, wrong],
    ['event -name=x -service=(', `Failed to compile service filter regexp: ${parse}`, wrong],
    ['event -name=x -service=s -tag=(', `Failed to compile tag filter regexp: ${parse}`, wrong],
    ['event -name=x -tag=t', 'Cannot provide tag filter without service filter.\n', wrong],
    [
      `event -name=x ${'p'.repeat(500)}`,
      'Error firing event: Unexpected response code: 500 (1 error occurred:\n' +
        '\t* error broadcasting event to segment "": user event exceeds configured limit of 512 bytes before encoding\n\n)\n',
      wrong,
    ],
  ])
  await follow(
    t,
    port,
    [['event -name=x', `Error querying Consul agent: ${refused('Get', '/v1/agent/self')}`, wrong]],
    nowhere,
  )
  for (const [words, mistake] of [
    [[], 'Event name must be specified'],
    [['-name=x', 'a', 'b'], 'Too many command line arguments.'],
  ] as const) {
    const { code, err } = await run(...words)
    t.equal(code, 1)
    t.ok(err.startsWith(`${mistake}\n\nUsage: praetor event [options] [payload]`), mistake)
  }
})

t.test('whoever watches for events is told of each once', async (t) => {
  const gossip = memoryGossip()
  const { port } = await serve(t, fakePorts({ agent, gossip }))
  const fire = (Name: string, payload: string): void =>
    void gossip.events.fire(
      {
        Name,
        Payload: new Uint8Array(Buffer.from(payload)),
        NodeFilter: '',
        ServiceFilter: '',
        TagFilter: '',
      },
      { datacenter: '' },
    )
  const stop = new AbortController()
  const looks: string[][] = []
  fire('deploy', '1')
  await runLine(['watch', '-type=event', '-name=deploy', 'cat; echo'], {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` },
    interrupted: stop.signal,
    heard(out) {
      const lines = out.split('\n').filter((line) => line.startsWith('['))
      if (lines.length === looks.length) return
      const events = JSON.parse(lines.at(-1) ?? '') as { Payload: string }[]
      looks.push(events.map(({ Payload }) => Buffer.from(Payload, 'base64').toString()))
      if (looks.length === 5) stop.abort()
      fire('other', 'x')
      fire('deploy', String(looks.length + 1))
    },
  })
  t.strictSame(
    looks,
    [['1'], ['2'], ['3'], ['4'], ['5']],
    'and of none again, though their indexes go up and down',
  )
})

t.test('a round trip is estimated from where nodes stand', async (t) => {
  const at = (Node: string, x: number, Segment = '') => ({
    Node,
    Segment,
    Coord: { ...origin, Vec: [x, 0, 0, 0, 0, 0, 0, 0], Height: 0.001 },
  })
  const rpc = fakeRpc({
    'Coordinate.ListNodes': () => [
      at('n1', 0),
      at('n2', 0.01),
      at('n3', 0.02, 's'),
      at('n3', 0.03),
      at('client', 0.05, 's'),
    ],
  })
  const wan = [
    { Datacenter: 'dc1', AreaID: 'wan', Coordinates: [at('n1', 0), at('n9', 0.2)] },
    { Datacenter: 'dc2', AreaID: 'wan', Coordinates: [at('n1', 0.1)] },
    { Datacenter: 'dc2', AreaID: 'other', Coordinates: [at('n5', 0.1)] },
  ]
  const gossip = { ...memoryGossip(), datacenterCoordinates: async () => wan }
  const { port } = await serve(t, fakePorts({ agent, rpc, gossip }))
  const unknown = (name: string): string => `Could not find a coordinate for node "${name}"\n`
  const shape = 'Node names must be specified as <node name>.<datacenter> with -wan\n'
  await follow(t, port, [
    ['rtt n1 n2', 'Estimated n1 <-> n2 rtt: 12.000 ms (using LAN coordinates)\n'],
    ['rtt n2', 'Estimated n2 <-> n1 rtt: 12.000 ms (using LAN coordinates)\n'],
    ['rtt n3 client', 'Estimated n3 <-> client rtt: 32.000 ms (using LAN coordinates)\n'],
    ['rtt -wan=false n3', 'Estimated n3 <-> n1 rtt: 32.000 ms (using LAN coordinates)\n'],
    ['rtt N1', unknown('N1'), wrong],
    ['rtt n1 x', unknown('x'), wrong],
    ['rtt x n1', unknown('x'), wrong],
    ['rtt n1 client', unknown('n1'), wrong],
    [
      'rtt -wan n1.dc1 n1.dc2',
      'Estimated n1.dc1 <-> n1.dc2 rtt: 102.000 ms (using WAN coordinates)\n',
    ],
    ['rtt -wan n9.dc1', 'Estimated n9.dc1 <-> n1.dc1 rtt: 202.000 ms (using WAN coordinates)\n'],
    ['rtt -wan n1.dc1 n5.dc2', unknown('n1.dc1'), wrong],
    ['rtt -wan n1. n1.dc1', unknown('n1.'), wrong],
    ['rtt -wan n1', shape, wrong],
    ['rtt -wan n1.dc1 x', shape, wrong],
    ['rtt -wan a.b.dc1', shape, wrong],
  ])
  await follow(
    t,
    port,
    [
      ['rtt n1', `Unable to look up agent info: ${refused('Get', '/v1/agent/self')}`, wrong],
      ['rtt n1 n2', `Error getting coordinates: ${refused('Get', '/v1/coordinate/nodes')}`, wrong],
      [
        'rtt -wan n1.dc1 n2.dc1',
        `Error getting coordinates: ${refused('Get', '/v1/coordinate/datacenters')}`,
        wrong,
      ],
    ],
    nowhere,
  )
  for (const names of [[], ['a', 'b', 'c']]) {
    const { code, err } = await runLine(['rtt', ...names])
    t.equal(code, 1)
    t.ok(err.startsWith('One or two node names must be specified\n\nUsage: praetor rtt [options]'))
  }
})

t.test('keys are listed, and replaced', async (t) => {
  const [oldKey, newKey] = [Buffer.alloc(32, 7), Buffer.alloc(16, 9)]
  const [oldText, newText] = [oldKey.toString('base64'), newKey.toString('base64')]
  const { port } = await serve(t, fakePorts({ gossip: memoryGossip({ keys: [oldKey] }) }))
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }
  const pools = (...keys: readonly string[]): string =>
    ['WAN', 'dc1 (LAN)']
      .map((pool) => `\n${pool}:\n${keys.map((key) => `  ${key} [1/1]\n`).join('')}`)
      .join('')
  const gathering = '==> Gathering installed encryption keys...\n'
  await follow(t, port, [
    ['keyring -list', gathering + pools(oldText)],
    [`keyring -install=${newText}`, '==> Installing new gossip encryption key...\n'],
    ['keyring -list -relay-factor=2', gathering + pools(oldText, newText)],
    [`keyring -use=${newText}`, '==> Changing primary gossip encryption key...\n'],
    [
      'keyring -list-primary',
      '==> Gathering installed primary encryption keys...\n' + pools(newText),
    ],
    [`keyring -remove=${oldText}`, '==> Removing gossip encryption key...\n'],
    ['keyring -use= -list -local-only', `${gathering}\ndc1 (LAN):\n  ${newText} [1/1]\n`],
    ['keyring -list -use=x', 'Only a single action is allowed\n', wrong],
    ['keyring -list -list-primary', 'Only a single action is allowed\n', wrong],
    [
      'keyring -list -relay-factor=6',
      'Error parsing relay factor: Relay factor must be in range: [0, 5]\n',
      wrong,
    ],
    [
      'keyring -list-primary -local-only',
      'Error validating local-only: local-only can only be set for list requests\n',
      wrong,
    ],
  ])
  t.strictSame(await runLine(['keyring', `-remove=${newText}`], { env }), {
    code: 1,
    out: '==> Removing gossip encryption key...\n',
    err:
      'error: Unexpected response code: 500 (4 errors occurred:\n' +
      '\t* WAN error: 1/1 nodes reported failure\n\t* n1.dc1: Removing the primary key is not allowed\n' +
      '\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: Removing the primary key is not allowed\n\n)\n',
  })
  t.strictSame(await runLine(['keyring', '-install=x'], { env: nowhere }), {
    code: 1,
    out: '==> Installing new gossip encryption key...\n',
    err: `error: ${refused('Post', '/v1/operator/keyring')}`,
  })
  const help = await runLine(['keyring', '-relay-factor=9'])
  t.equal(help.code, 1)
  t.ok(help.err.startsWith('Usage: praetor keyring [options]'))
})
