import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { checkSegment } from '../../../agent/segment.ts'
import type { LocalAgent } from '../../../api/ports.ts'
import type { ServiceDefinition } from '../../../server/model/definition.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import type { Member } from '../../../server/model/member.ts'
import { follow, runLine, wordsOf } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

/** The port of an API over such an agent. */
async function agentWith(t: Test, agent: Partial<LocalAgent>): Promise<number> {
  return (await serve(t, fakePorts({ agent }))).port
}

const wrong = { code: 1 }

const member: Member = {
  Name: 'n1',
  Addr: '10.0.0.1',
  Port: 8301,
  Tags: { role: 'consul', build: '1.8.7:a1b2', vsn: '2', dc: 'dc1', segment: '' },
  Status: 1,
  ProtocolMin: 1,
  ProtocolMax: 5,
  ProtocolCur: 2,
  DelegateMin: 2,
  DelegateMax: 5,
  DelegateCur: 4,
}

t.test('members stand in columns, servers first', async (t) => {
  const members = [
    { ...member, Name: 'b', Addr: '::1', Status: 4, Tags: { ...member.Tags, role: 'node' } },
    { ...member, Name: 'a-stranger', Status: 3, Tags: {} },
    member,
  ]
  const port = await agentWith(t, {
    members: ({ wan, segment }) => {
      checkSegment(segment, true)
      return wan ? [member] : members
    },
  })
  await follow(t, port, [
    [
      'members',
      [
        'Node        Address        Status  Type     Build  Protocol  DC   Segment',
        'n1          10.0.0.1:8301  alive   server   1.8.7  2         dc1  <all>',
        `a-stranger  10.0.0.1:8301  left    unknown  ${' '.repeat('Build  Protocol  DC   '.length)}`,
        'b           [::1]:8301     failed  client   1.8.7  2         dc1  <default>\n',
      ].join('\n'),
    ],
    [
      'members -wan -detailed',
      'Node  Address        Status  Tags\nn1    10.0.0.1:8301  alive   build=1.8.7:a1b2,dc=dc1,role=consul,segment=<all>,vsn=2\n',
    ],
    [
      'members -status=^f',
      'Node  Address     Status  Type    Build  Protocol  DC   Segment\nb     [::1]:8301  failed  client  1.8.7  2         dc1  <default>\n',
    ],
    ['members -status=leaving', '', { code: 2 }],
    [
      'members -status=(',
      'Failed to compile status regexp: error parsing regexp: missing closing ): `(`\n',
      wrong,
    ],
    [
      'members -segment=x',
      'Error retrieving members: Unexpected response code: 500 (Network segments are not supported in this version of Consul)\n',
      wrong,
    ],
  ])
})

t.test('what an agent counts stands under its part, all in order', async (t) => {
  const self = { Stats: { serf: { b: '2', a: '1' }, agent: { checks: '0' } } }
  const port = await agentWith(t, { self: async () => self })
  await follow(t, port, [['info', 'agent:\n\tchecks = 0\nserf:\n\ta = 1\n\tb = 2\n']])
})

t.test('maintenance begins, is listed and ends', async (t) => {
  const asked: unknown[][] = []
  const check = {
    Node: 'n1',
    CheckID: '_node_maintenance',
    Name: '',
    Status: 'critical',
    Notes: 'why',
    Output: '',
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [],
    Type: 'maintenance',
    Definition: {},
    CreateIndex: 0,
    ModifyIndex: 0,
  } as const
  const service = { ...check, CheckID: '_service_maintenance:w1', ServiceID: 'w1' }
  const port = await agentWith(t, {
    self: async () => ({ Config: { NodeName: 'n1' } }),
    checks: () => ({
      a: { ...check, CheckID: 'web' },
      [check.CheckID]: check,
      [service.CheckID]: service,
    }),
    async nodeMaintenance(...args) {
      asked.push(args)
    },
    async serviceMaintenance(...args) {
      asked.push(args)
    },
  })
  await follow(t, port, [
    ['maint', 'Node:\n  Name:   n1\n  Reason: why\n\nService:\n  ID:     w1\n  Reason: why\n\n'],
    ["maint -enable '-reason=a b'", 'Node maintenance is now enabled\n'],
    ['maint -disable', 'Node maintenance is now disabled\n'],
    ['maint -enable -service=w/1 -token=t', 'Service maintenance is now enabled for "w/1"\n'],
    ['maint -disable -service=w', 'Service maintenance is now disabled for "w"\n'],
    ['maint -enable -disable', 'Only one of -enable or -disable may be provided\n', wrong],
    ['maint -reason=x', 'Reason may only be provided with -enable\n', wrong],
    ['maint -service=x', 'Service requires either -enable or -disable\n', wrong],
  ])
  t.strictSame(asked, [
    [true, 'a b', ''],
    [false, '', ''],
    ['w/1', true, '', 't'],
    ['w', false, '', ''],
  ])
})

t.test('an agent is told to join, to reload, to forget a member and to leave', async (t) => {
  const asked: unknown[][] = []
  const port = await agentWith(t, {
    async join(address, options) {
      asked.push(['join', address, options])
      if (address.startsWith('bad')) throw new PraetorError('failed', 'nobody there')
    },
    async forceLeave(...args) {
      asked.push(['forceLeave', ...args])
    },
    async reload() {
      asked.push(['reload'])
    },
    async leave() {
      asked.push(['leave'])
    },
  })
  await follow(t, port, [
    ['join a:1 b', 'Successfully joined cluster by contacting 2 nodes.\n'],
    [
      'join -wan bad',
      "Error joining address 'bad': Unexpected response code: 500 (nobody there)\nFailed to join any nodes.\n",
      wrong,
    ],
    ['force-leave n2', ''],
    ['force-leave -prune n2', ''],
    ['reload', 'Configuration reload triggered\n'],
    ['leave', 'Graceful leave complete\n'],
  ])
  t.strictSame(asked, [
    ['join', 'a:1', { wan: false }],
    ['join', 'b', { wan: false }],
    ['join', 'bad', { wan: true }],
    ['forceLeave', 'n2', { prune: false }],
    ['forceLeave', 'n2', { prune: true }],
    ['reload'],
    ['leave'],
  ])
  for (const [line, complaint] of [
    ['join', /^At least one address to join must be specified\.\n\nUsage: praetor join/],
    ['force-leave', /^A single node name must be specified to force leave\.\n\nUsage: /],
    ['force-leave a b', /^A single node name must be specified to force leave\.\n\nUsage: /],
    ['leave x', /^Error found unexpected args: \[x\]\n$/],
  ] as const) {
    const outcome = await runLine(wordsOf(line))
    t.equal(outcome.code, 1, line)
    t.match(outcome.err, complaint)
  }
})

t.test('a log is printed until its agent ends, or we are interrupted', async (t) => {
  const interruption = new AbortController()
  const asked: unknown[] = []
  const port = await agentWith(t, {
    async *monitor({ level, json, signal }) {
      asked.push([level, json])
      if (level === 'nope') throw new PraetorError('bad-request', 'Unknown log level: nope')
      yield 'one line\n'
      if (level === 'debug')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }
  t.strictSame(await runLine(['monitor', '-log-json'], { env }), {
    code: 1,
    out: 'one line\n\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.\n',
    err: '',
  })
  const interrupted = await runLine(['monitor', '-log-level=debug'], {
    env,
    interrupted: interruption.signal,
    heard: () => interruption.abort(),
  })
  t.strictSame(interrupted, { code: 0, out: 'one line\n', err: '' })
  t.strictSame(asked, [
    ['INFO', true],
    ['debug', false],
  ])
})

t.test('services are registered as flags or files describe them', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text)
    return join(directory, name)
  }
  const one = await file(
    'one.hcl',
    'service { name = "a" port = 1 check { args = ["x"] interval = "90s" timeout = "500ms" } connect { sidecar_service { port = 2 } } }',
  )
  const two = await file(
    'two.json',
    '{"services":[{"name":"b","id":"b1","checks":[{"h2ping":"x:1"},{"h2ping":"x:1","h2ping_use_tls":false}]},{"name":"c"}]}',
  )
  const broken = await file('broken.json', '{')
  const registered: ServiceDefinition[] = []
  const deregistered: string[] = []
  const port = await agentWith(t, {
    async registerService(definition) {
      registered.push(definition)
    },
    async deregisterService(id) {
      deregistered.push(id)
    },
  })
  await follow(t, port, [
    [
      'services register -name=web -id=w1 -kind=mesh-gateway -port=0x50 -tag=a -tag=b -meta=k=v=w -address=1.2.3.4 -tagged-address=lan=[::1]:81',
      'Registered service: web\n',
    ],
    [
      `services register ${one} ${two}`,
      'Registered service: a\nRegistered service: b\nRegistered service: c\n',
    ],
    [`services deregister ${two}`, 'Deregistered service: b1\nDeregistered service: c\n'],
    ['services deregister -id=w/1', 'Deregistered service: w/1\n'],
    ['services register', 'Service registration requires at least one argument or flags.\n', wrong],
    [
      `services register -name=x ${one}`,
      'Service registration requires arguments or -id, not both.\n',
      wrong,
    ],
    [
      'services register -name=x -tagged-address=lan=1.1.1.1',
      'Invalid Tagged Address: address 1.1.1.1: missing port in address\n',
      wrong,
    ],
    [
      'services deregister',
      'Service deregistration requires at least one argument or -id.\n',
      wrong,
    ],
    [
      `services deregister -id=x ${one}`,
      'Service deregistration requires arguments or -id, not both.\n',
      wrong,
    ],
    [
      'services register /nonexistent.json',
      'Error: config: Open failed on /nonexistent.json. open /nonexistent.json: no such file or directory\n',
      wrong,
    ],
    [
      `services register ${broken}`,
      `Error: failed to parse ${broken}: unexpected end of JSON input (${broken}:1:2)\n`,
      wrong,
    ],
  ])
  t.strictSame(deregistered, ['b1', 'c', 'w/1'])
  t.match(registered[0], {
    Kind: 'mesh-gateway',
    ID: 'w1',
    Name: 'web',
    Tags: ['a', 'b'],
    Address: '1.2.3.4',
    TaggedAddresses: { lan: { Address: '::1', Port: 81 } },
    Meta: { k: 'v=w' },
    Port: 80,
  })
  t.match(registered[1], {
    Name: 'a',
    Port: 1,
    Checks: [{ ScriptArgs: ['x'], IntervalMs: 90_000, TimeoutMs: 500 }],
    Connect: { SidecarService: { Port: 2 } },
  })
  t.match(registered[2], {
    ID: 'b1',
    Checks: [
      { H2PING: 'x:1', H2PingUseTLS: true },
      { H2PING: 'x:1', H2PingUseTLS: false },
    ],
  })
})
