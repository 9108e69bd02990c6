import fc from 'fast-check'
import t from 'tap'

import { Telemetry } from '../../agent/telemetry.ts'
import type { TelemetryOptions } from '../../agent/telemetry.ts'
import { formatFloat, formatTime, shortestSingle } from '../../agent/telemetry/go-text.ts'
import { RecentValues } from '../../agent/telemetry/recent-values.ts'
import { meterRuntime } from '../../agent/telemetry/runtime.ts'
import type { RuntimeMeter } from '../../agent/telemetry/runtime.ts'
import { seededChance, shuffled } from '../../server/runtime/chance.ts'
import type { Clock } from '../../server/runtime/clock.ts'

/** A clock that is moved by hand and calls back on the way. */
class HandClock implements Clock {
  now = Date.UTC(2026, 10, 23, 15, 42, 51)
  #waiting: { readonly at: number; readonly callback: () => void }[] = []

  monotonicMs(): number {
    return this.now
  }
  wallMs(): number {
    return this.now
  }
  after(delayMs: number, callback: () => void): { cancel(): void } {
    const entry = { at: this.now + delayMs, callback }
    this.#waiting.push(entry)
    return { cancel: () => (this.#waiting = this.#waiting.filter((other) => other !== entry)) }
  }
  get waiting(): number {
    return this.#waiting.length
  }
  move(byMs: number): void {
    const end = this.now + byMs
    for (;;) {
      const next = this.#waiting.toSorted((one, other) => one.at - other.at)[0]
      if (next === undefined || next.at > end) break
      this.#waiting = this.#waiting.filter((other) => other !== next)
      this.now = next.at
      next.callback()
    }
    this.now = end
  }
}

const silent: RuntimeMeter = {
  report() {},
  processMetrics: () => [],
  [Symbol.dispose]() {},
}

function start(options: Partial<TelemetryOptions> = {}): {
  telemetry: Telemetry
  clock: HandClock
} {
  const clock = new HandClock()
  const telemetry = new Telemetry({
    prometheusRetentionMs: 0,
    disableHostname: false,
    metricsPrefix: 'consul',
    allowedPrefixes: [],
    blockedPrefixes: [],
    filterDefault: true,
    hostName: 'vm',
    clock,
    runtime: silent,
    ...options,
  })
  return { telemetry, clock }
}

t.test('the last ten seconds are printed as Consul prints them', async (t) => {
  const { telemetry, clock } = start()
  telemetry.gauge('raft.last_index', 421_848_451)
  telemetry.gauge('raft.last_index', 421_848_450)
  telemetry.count('rpc.query')
  telemetry.count('rpc.query', 36)
  telemetry.count('client.api.kv', 1, { node: 'n1', 'a b': 'x y' })
  telemetry.sample('dns.domain_query', 0.000711, { node: 'n1' })
  telemetry.sample('raft.apply', 0.25)
  telemetry.sample('raft.apply', 0.75)
  const expected = {
    Timestamp: '2026-11-23 15:42:50 +0000 UTC',
    Gauges: [{ Name: 'consul.vm.raft.last_index', Value: 421_848_450, Labels: {} }],
    Points: [],
    Counters: [
      {
        Name: 'consul.client.api.kv',
        Count: 1,
        Rate: 0.1,
        Sum: 1,
        Min: 1,
        Max: 1,
        Mean: 1,
        Stddev: 0,
        Labels: { 'a b': 'x y', node: 'n1' },
      },
      {
        Name: 'consul.rpc.query',
        Count: 2,
        Rate: 3.7,
        Sum: 37,
        Min: 1,
        Max: 36,
        Mean: 18.5,
        Stddev: 24.748737341529164,
        Labels: {},
      },
    ],
    Samples: [
      {
        Name: 'consul.dns.domain_query',
        Count: 1,
        Rate: 0.000_711_000_000_592_321_2 / 10,
        Sum: 0.000_711_000_000_592_321_2,
        Min: 0.000_711_000_000_592_321_2,
        Max: 0.000_711_000_000_592_321_2,
        Mean: 0.000_711_000_000_592_321_2,
        Stddev: 0,
        Labels: { node: 'n1' },
      },
      {
        Name: 'consul.raft.apply',
        Count: 2,
        Rate: 0.1,
        Sum: 1,
        Min: 0.25,
        Max: 0.75,
        Mean: 0.5,
        Stddev: Math.SQRT1_2 / 2,
        Labels: {},
      },
    ],
  }
  t.strictSame(telemetry.json(), expected, 'in the first ten seconds, what there is')
  clock.move(9000)
  telemetry.count('later')
  t.strictSame(telemetry.json(), expected, 'then the last that are over')
  clock.move(10_000)
  t.match(telemetry.json(), { Counters: [{ Name: 'consul.later', Count: 1 }], Gauges: [] })
})

t.test('lists are in the order of names with their labels', async (t) => {
  const { telemetry } = start()
  telemetry.count('a.query', 1, { service: 'x' })
  telemetry.count('a.query-tags', 1, { service: 'x' })
  telemetry.count('a.query', 1, { service: 'b' })
  const counters = telemetry.json()['Counters'] as readonly { Name: string; Labels: object }[]
  t.strictSame(
    counters.map(({ Name, Labels }) => `${Name} ${Object.values(Labels).join()}`),
    ['consul.a.query-tags x', 'consul.a.query b', 'consul.a.query x'],
  )
})

t.test('names carry the prefix, gauges the host, and only some are kept', async (t) => {
  const names = (options: Partial<TelemetryOptions>): string => {
    const { telemetry } = start(options)
    telemetry.gauge('raft.applied', 1)
    telemetry.count('raft.apply')
    telemetry.count('rpc.query')
    const { Gauges, Counters } = telemetry.json() as Record<string, readonly { Name: string }[]>
    return [...(Gauges ?? []), ...(Counters ?? [])].map(({ Name }) => Name).join(' ')
  }
  t.equal(names({}), 'consul.vm.raft.applied consul.raft.apply consul.rpc.query')
  t.equal(
    names({ disableHostname: true, metricsPrefix: 'x' }),
    'x.raft.applied x.raft.apply x.rpc.query',
  )
  t.equal(names({ blockedPrefixes: ['consul.raft'] }), 'consul.vm.raft.applied consul.rpc.query')
  t.equal(
    names({ blockedPrefixes: ['consul.r'], allowedPrefixes: ['consul.raft'] }),
    'consul.vm.raft.applied consul.raft.apply',
  )
  t.equal(names({ filterDefault: false, allowedPrefixes: ['consul.rpc'] }), 'consul.rpc.query')
  t.equal(
    names({ allowedPrefixes: ['consul.rpc'], blockedPrefixes: ['consul.rpc'] }),
    'consul.vm.raft.applied consul.raft.apply',
  )
})

t.test('Prometheus gets what was said since it was last forgotten', async (t) => {
  const { telemetry, clock } = start({ prometheusRetentionMs: 30_000 })
  telemetry.gauge('runtime.alloc_bytes', 18_172_264)
  telemetry.count('health.query-tags', 2, { service: 'web', quote: 'a"b\\c\nd' })
  telemetry.count('health.query-tags', 3, { service: 'web', quote: '' })
  for (let value = 1; value <= 100; value += 1) telemetry.sample('raft.apply', value)
  const text = [
    '# HELP consul_health_query_tags consul_health_query_tags',
    '# TYPE consul_health_query_tags counter',
    'consul_health_query_tags{quote="",service="web"} 3',
    String.raw`consul_health_query_tags{quote="a\"b\\c\nd",service="web"} 2`,
    '# HELP consul_raft_apply consul_raft_apply',
    '# TYPE consul_raft_apply summary',
    'consul_raft_apply{quantile="0.5"} 50',
    'consul_raft_apply{quantile="0.9"} 90',
    'consul_raft_apply{quantile="0.99"} 99',
    'consul_raft_apply_sum 5050',
    'consul_raft_apply_count 100',
    '# HELP consul_vm_runtime_alloc_bytes consul_vm_runtime_alloc_bytes',
    '# TYPE consul_vm_runtime_alloc_bytes gauge',
    'consul_vm_runtime_alloc_bytes 1.8172264e+07',
    '',
  ]
  t.strictSame(telemetry.prometheus()?.split('\n'), text)
  clock.move(20_000)
  telemetry.count('health.query-tags', 5, { service: 'web', quote: '' })
  t.match(telemetry.prometheus(), /quote="",service="web"\} 8\n/)
  t.match(telemetry.prometheus(), /raft_apply\{quantile="0.99"\} NaN\n/)
  t.match(telemetry.prometheus(), /raft_apply_count 100\n/)
  clock.move(45_000)
  t.notMatch(telemetry.prometheus(), /raft_apply/)
  t.equal(start().telemetry.prometheus(), undefined)
})

t.test('two names that Prometheus can not tell apart are one family', async (t) => {
  const { telemetry } = start({ prometheusRetentionMs: 60_000 })
  telemetry.count('a.b')
  telemetry.count('a-b', 2)
  telemetry.sample('a b', 3)
  const types = telemetry.prometheus()?.match(/# TYPE .*/g)
  t.equal(types?.length, 1)
})

t.test('SIGUSR1 prints the windows that are over', async (t) => {
  const { telemetry, clock } = start({ disableHostname: true })
  telemetry.gauge('runtime.alloc_bytes', 6_542_704)
  telemetry.count('health.query', 2, { service: 'a:b c', tag: '' })
  telemetry.sample('http.GET', 1)
  clock.move(500)
  telemetry.sample('http.GET', 2)
  t.equal(telemetry.dump(), '')
  clock.move(20_000)
  t.strictSame(telemetry.dump().split('\n'), [
    "[2026-11-23 15:42:50 +0000 UTC][G] 'consul.runtime.alloc_bytes': 6542704.000",
    "[2026-11-23 15:42:50 +0000 UTC][C] 'consul.health.query.a_b_c.': Count: 1 Sum: 2.000 LastUpdated: 2026-11-23 15:42:51 +0000 UTC",
    "[2026-11-23 15:42:50 +0000 UTC][S] 'consul.http.GET': Count: 2 Min: 1.000 Mean: 1.500 Max: 2.000 Stddev: 0.707 Sum: 3.000 LastUpdated: 2026-11-23 15:42:51.5 +0000 UTC",
  ])
  clock.move(70_000)
  for (let round = 0; round < 10; round += 1) {
    telemetry.count('tick')
    clock.move(10_000)
  }
  t.equal(telemetry.dump().split('\n').length, 6, 'of the last minute')
})

t.test('metrics that clients can make up are bounded', async (t) => {
  const { telemetry, clock } = start({ prometheusRetentionMs: 60_000 })
  for (let number = 0; number < 25_000; number += 1)
    telemetry.count('health.not-found', 1, { service: `s${number}` })
  t.equal((telemetry.json()['Counters'] as readonly unknown[]).length, 20_000)
  clock.move(80_000)
  telemetry.count('health.not-found', 1, { service: 's24999' })
  t.match(telemetry.prometheus(), /not_found\{service="s24999"\} 1\n/, 'what is old makes room')
})

t.test('the process says something of itself in every window until it stops', async (t) => {
  const reports: number[] = []
  const runtime: RuntimeMeter = { ...silent, report: () => reports.push(clock.now) }
  const clock = new HandClock()
  const { telemetry } = start({ runtime, clock })
  clock.move(25_000)
  t.equal(reports.length, 3)
  telemetry[Symbol.dispose]()
  t.equal(clock.waiting, 0)
})

t.test('the runtime is measured', async (t) => {
  using meter = meterRuntime()
  const { telemetry } = start({
    prometheusRetentionMs: 60_000,
    disableHostname: true,
    runtime: meter,
  })
  const text = telemetry.prometheus() ?? ''
  for (const name of [
    'consul_runtime_alloc_bytes',
    'consul_runtime_sys_bytes',
    'process_resident_memory_bytes',
  ])
    t.ok(Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]) > 1e6, name)
})

t.test('numbers and times are as in Go', async (t) => {
  const floats: readonly [value: number, text: string][] = [
    [0, '0'],
    [1, '1'],
    [-1, '-1'],
    [721_960, '721960'],
    [999_999, '999999'],
    [1_000_000, '1e+06'],
    [18_172_264, '1.8172264e+07'],
    [376_846.963_102_603_33, '376846.96310260333'],
    [1_795_446_342.47, '1.79544634247e+09'],
    [0.0001, '0.0001'],
    [0.000_040_801, '4.0801e-05'],
    [1e100, '1e+100'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ]
  for (const [value, text] of floats) t.equal(formatFloat(value), text)
  t.equal(shortestSingle(421_848_448), 421_848_450)
  t.equal(shortestSingle(0.1), 0.1)
  t.equal(shortestSingle(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
  t.equal(formatTime(Date.UTC(2026, 0, 2, 3, 40, 0)), '2026-01-02 03:40:00 +0000 UTC')
  t.equal(formatTime(Date.UTC(2026, 0, 2, 3, 40, 0, 160)), '2026-01-02 03:40:00.16 +0000 UTC')
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => Math.fround(shortestSingle(value)) === value),
  )
})

t.test('quantiles stay near however many values there are', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000 }),
      fc.constantFrom(0.5, 0.9, 0.99),
      (count, fraction) => {
        const recent = new RecentValues()
        // In no order: what comes at even steps would keep step with the thinning out.
        const values = shuffled(
          Array.from({ length: count }, (_, at) => at / count),
          seededChance(count),
        )
        for (const [at, value] of values.entries()) recent.add(value, (at / count) * 9000)
        const [found = Number.NaN] = recent.quantiles([fraction], 9000)
        // Five times the spread of a median of the 600 values that are kept at least.
        return Math.abs(found - fraction) <= 0.1 + 1 / count
      },
    ),
  )
})
