import t from 'tap'

import type { Fault } from '../../../server/model/decode.ts'
import {
  decodeCheckDefinition,
  decodeServiceDefinition,
} from '../../../server/model/definition-fields.ts'
import { emptyCheckDefinition, emptyServiceDefinition } from '../../../server/model/definition.ts'

t.test('a definition of which nothing is given is empty', async (t) => {
  for (const face of ['api', 'config'] as const)
    for (const value of [{}, null, { Name: null, Tags: null, Check: null, Meta: null }]) {
      t.strictSame(decodeServiceDefinition(value, face), {
        ok: true,
        value: emptyServiceDefinition,
      })
      t.strictSame(decodeCheckDefinition({}, face), { ok: true, value: emptyCheckDefinition })
    }
})

t.test('the API takes Go’s names in any case, and a few in snake case', async (t) => {
  const decoded = decodeServiceDefinition(
    {
      name: 'web',
      ID: 'web-1',
      TAGS: ['a', null, 'b'],
      enable_tag_override: true,
      tagged_addresses: { lan: { address: '10.0.0.1', Port: 80 } },
      Weights: { Passing: 2, warning: 1 },
      Check: { TTL: '10s', CheckID: 'c1', DeregisterCriticalServiceAfter: '90m' },
      Checks: [
        null,
        { HTTP: 'http://x', Interval: 5_000_000_000, tlsskipverify: true, Args: ['a'] },
      ],
      Proxy: {
        destination_service_name: 'db',
        Upstreams: [{ local_bind_port: 1 }],
        Config: { a: [1] },
      },
      Connect: { unheard: 'of', SidecarService: { Port: 1, Check: { TTL: '1s' } } },
    },
    'api',
  )
  t.match(decoded, {
    ok: true,
    value: {
      Name: 'web',
      ID: 'web-1',
      Tags: ['a', 'b'],
      EnableTagOverride: true,
      TaggedAddresses: { lan: { Address: '10.0.0.1', Port: 80 } },
      Weights: { Passing: 2, Warning: 1 },
      Checks: [
        { CheckID: 'c1', TTLMs: 10_000, DeregisterCriticalServiceAfterMs: 5_400_000 },
        { HTTP: 'http://x', IntervalMs: 5000, TLSSkipVerify: true, ScriptArgs: ['a'] },
      ],
      Proxy: {
        DestinationServiceName: 'db',
        Upstreams: [{ LocalBindPort: 1 }],
        Config: { a: [1] },
      },
      Connect: { SidecarService: { Name: '', Port: 1, Checks: [{ TTLMs: 1000 }] } },
    },
  })
})

t.test('files take snake case, names of old and Go’s', async (t) => {
  for (const check of [
    {
      id: 'x',
      args: ['a'],
      docker_container_id: 'd',
      deregister_critical_service_after: '1m',
      service_id: 's',
    },
    {
      CheckID: 'x',
      scriptargs: ['a'],
      dockercontainerid: 'd',
      deregistercriticalserviceafter: '1m',
      serviceid: 's',
    },
    {
      ID: ['x'],
      ScriptArgs: ['a'],
      DockerContainerID: 'd',
      DeregisterCriticalServiceAfter: '1m',
      ServiceID: 's',
    },
  ])
    t.strictSame(decodeCheckDefinition(check, 'config'), {
      ok: true,
      value: {
        ...emptyCheckDefinition,
        CheckID: 'x',
        ScriptArgs: ['a'],
        DockerContainerID: 'd',
        DeregisterCriticalServiceAfterMs: 60_000,
        ServiceID: 's',
      },
    })
})

t.test('mistakes are told as data, in the order written', async (t) => {
  const unknown = { kind: 'unknown' } as const
  const duration = { kind: 'duration', text: 'x', error: 'time: invalid duration "x"' } as const
  const cases: readonly [
    face: 'api' | 'config',
    value: unknown,
    ...faults: [Fault['path'], Fault['problem']][],
  ][] = [
    ['api', { Name: 'a', bogus: 1 }, [['bogus'], unknown]],
    ['api', { Check: { bogus: 1 } }, [['Check', 'bogus'], unknown]],
    ['api', { Check: { output_max_size: 1 } }, [['Check', 'output_max_size'], unknown]],
    [
      'api',
      { Check: { ID: 'x', Token: 'y' } },
      [['Check', 'ID'], unknown],
      [['Check', 'Token'], unknown],
    ],
    ['api', { SocketPath: '' }, [['SocketPath'], unknown]],
    ['api', { Name: 1 }, [['Name'], type('string', 1)]],
    ['api', { Port: '80' }, [['Port'], type('int', '80')]],
    ['api', { Port: 1.5 }, [['Port'], type('int', 1.5)]],
    ['api', { Tags: 'x' }, [['Tags'], type('[]string', 'x')]],
    ['api', { Tags: [1] }, [['Tags', 0], type('string', 1)]],
    ['api', { Meta: { a: 1 } }, [['Meta', 'a'], type('string', 1)]],
    ['api', { Check: { TTL: 'x' } }, [['Check', 'TTL'], duration]],
    ['api', { Check: [] }, [['Check'], type('structs.CheckType', [])]],
    ['api', [], [[], type('structs.ServiceDefinition', [])]],
    ['config', { check: { ttl: 5 } }, [['check', 'ttl'], type('string', 5)]],
    [
      'config',
      { check: { ttl: 'x' }, bogus: 1 },
      [['check', 'ttl'], duration],
      [['bogus'], unknown],
    ],
    ['config', { connect: { bogus: 1 } }, [['connect', 'bogus'], unknown]],
    ['config', { tags: 'x' }, [['tags'], type('[]string', 'x')]],
  ]
  for (const [face, value, ...faults] of cases) {
    const decoded = decodeServiceDefinition(value, face)
    const [[path, problem] = [[], unknown]] = faults
    t.strictSame(
      decoded,
      {
        ok: false,
        path,
        problem,
        faults: faults.map(([at, what]) => ({ path: at, problem: what })),
      },
      JSON.stringify(value),
    )
  }
})

t.test('what Consul’s API lets pass is let pass', async (t) => {
  t.match(decodeServiceDefinition({ Check: { TTL: true, Interval: 1.5 } }, 'api'), {
    ok: true,
    value: { Checks: [{ TTLMs: 0, IntervalMs: 0.000001 }] },
  })
  t.match(decodeServiceDefinition({ port: 80.9, check: [{ ttl: '1s' }] }, 'config'), {
    ok: true,
    value: { Port: 80, Checks: [{ TTLMs: 1000 }] },
  })
})

function type(wanted: string, got: unknown): Fault['problem'] {
  return { kind: 'type', wanted, got }
}
