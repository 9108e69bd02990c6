import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

import t from 'tap'

import { encodePprof } from '../../../agent/profiling/pprof.ts'
import { openProfiler } from '../../../agent/profiling/profiler.ts'
import { cpuProfile, heapProfile, waitingProfile } from '../../../agent/profiling/v8.ts'
import { VirtualClock } from '../../support/clock.ts'
import { serve } from '../../support/http.ts'

const frame = (functionName: string, lineNumber = 0) => ({
  functionName,
  lineNumber,
  columnNumber: 0,
  scriptId: '1',
  url: functionName.startsWith('(') ? '' : 'file:///a.ts',
})
const taken = { wallMs: 5000, durationMs: 20, interval: 1000 }

t.test('time on the CPU is that until the next sample, by stack, and idling is none', async (t) => {
  const profile = cpuProfile(
    {
      nodes: [
        { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2, 3] },
        { id: 2, callFrame: frame('(idle)'), hitCount: 1 },
        { id: 3, callFrame: frame('outer', 6), hitCount: 0, children: [4] },
        { id: 4, callFrame: frame('', 8), hitCount: 2 },
      ],
      startTime: 0,
      endTime: 10_000,
      samples: [2, 4, 4],
      timeDeltas: [0, 700, 1100],
    },
    taken,
  )
  t.strictSame(profile.samples, [
    {
      stack: [
        { name: '(anonymous)', file: 'file:///a.ts', line: 9 },
        { name: 'outer', file: 'file:///a.ts', line: 7 },
      ],
      values: [2, 1_100_000],
    },
  ])
})

t.test('the heap is counted in bytes by who allocated them', async (t) => {
  const leaf = { id: 3, callFrame: frame('make'), selfSize: 64, children: [] }
  const main = { id: 2, callFrame: frame('main'), selfSize: 0, children: [leaf] }
  const head = { id: 1, callFrame: frame('(root)'), selfSize: 8, children: [main] }
  const { samples } = heapProfile({ head }, taken)
  t.strictSame(
    samples.map(({ stack, values }) => [stack.map(({ name }) => name).join(' < '), ...values]),
    [
      ['', 8],
      ['make < main', 64],
    ],
  )
})

t.test('a profile is the message that pprof reads', async (t) => {
  const profile = decode(encodePprof(waitingProfile(['Timeout', 'Pipe', 'Timeout'], taken)))
  t.strictSame(profile, {
    counted: ['waiting/count'],
    period: '1 of waiting/count',
    timeNanos: 5_000_000_000n,
    durationNanos: 20_000_000n,
    samples: [
      { stack: ['Timeout :0'], values: [2n] },
      { stack: ['Pipe :0'], values: [1n] },
    ],
  })
  const large = { stack: [], values: [2 ** 40, 127, 128] }
  const nothing = { counted: [], period: 0, wallMs: 0, durationMs: 0 }
  t.strictSame(decode(encodePprof({ ...nothing, samples: [large] })).samples, [
    { stack: [], values: [1_099_511_627_776n, 127n, 128n] },
  ])
})

t.test('profiles of the process are served where that is allowed', async (t) => {
  const closed = await serve(t)
  for (const path of ['', 'heap', 'nope']) {
    const { status, body } = await closed.ask('GET', `/debug/pprof/${path}`)
    t.strictSame([status, body], [401, 'ACL support disabled'], path)
  }

  const clock = new VirtualClock()
  await using profiler = await openProfiler(clock)
  const { ask } = await serve(t, { profiler })
  const kept = Array.from({ length: 100_000 }, (_, at) => ({ at }))
  const heap = await ask('GET', '/debug/pprof/heap')
  t.match(heap.headers, { 'Content-Disposition': 'attachment; filename="heap"' })
  t.strictSame(decode(gunzipSync(heap.bytes)).counted, ['inuse_space/bytes'])
  t.equal(kept.length, 100_000)
  const waiting = decode(gunzipSync((await ask('GET', '/debug/pprof/goroutine')).bytes))
  t.match(waiting.samples[0]?.stack[0], /^\w+ :0$/)
  t.match((await ask('GET', '/debug/pprof/cmdline')).body, process.argv.join('\0'))
  t.match((await ask('GET', '/debug/pprof/')).body, /<a href="profile">/)
  t.match(await ask('GET', '/debug/pprof/block'), { status: 404, body: 'Unknown profile\n' })
  t.match(await ask('GET', '/debug/pprof/profile?seconds=601'), {
    status: 400,
    body: 'profile duration exceeds 600 s',
  })

  const asked = ask('GET', '/debug/pprof/profile?seconds=2')
  while (clock.timers === 0) await turn()
  t.match(await ask('GET', '/debug/pprof/profile?seconds=1'), {
    status: 500,
    body: 'Could not enable CPU profiling: cpu profiling already in use',
  })
  await clock.advance(2000)
  const cpu = decode(gunzipSync((await asked).bytes))
  t.strictSame(cpu.counted, ['samples/count', 'cpu/nanoseconds'])
  t.equal(cpu.durationNanos, 2_000_000_000n)

  const timeline = ask('GET', '/debug/pprof/trace')
  while (clock.timers === 0) await turn()
  await clock.advance(30_000)
  t.match(JSON.parse((await timeline).body), { nodes: [{ callFrame: { functionName: '(root)' } }] })
})

interface Decoded {
  readonly counted: readonly string[]
  readonly period: string
  readonly timeNanos: bigint
  readonly durationNanos: bigint
  readonly samples: readonly { readonly stack: readonly string[]; readonly values: bigint[] }[]
}

/** A reader of the format, written from its description: each message a map from field numbers to what they were given. */
function decode(bytes: Uint8Array): Decoded {
  const profile = fieldsOf(bytes)
  const strings = all(profile, 6).map((text) => Buffer.from(text as Uint8Array).toString())
  const text = (index: unknown): string => strings[Number(index ?? 0n)] ?? '?'
  const functions = new Map(
    all(profile, 5).map((one) => {
      const { 1: id, 2: name, 4: file } = firstsOf(one)
      return [id, `${text(name)} ${text(file)}`]
    }),
  )
  const locations = new Map(
    all(profile, 4).map((one) => {
      const { 1: id, 4: line } = firstsOf(one)
      const { 1: called, 2: number } = firstsOf(line)
      return [id, `${functions.get(called)}:${String(number)}`]
    }),
  )
  const type = (one: unknown): string => {
    const { 1: what, 2: unit } = firstsOf(one)
    return `${text(what)}/${text(unit)}`
  }
  const firsts = firstsOf(bytes)
  return {
    counted: all(profile, 1).map(type),
    period: `${String(firsts[12])} of ${type(firsts[11] ?? Buffer.alloc(0))}`,
    timeNanos: firsts[9] as bigint,
    durationNanos: firsts[10] as bigint,
    samples: all(profile, 2).map((one) => {
      const { 1: stack, 2: values } = firstsOf(one)
      return {
        stack: varints(stack as Uint8Array).map((id) => locations.get(id) ?? '?'),
        values: varints(values as Uint8Array),
      }
    }),
  }
}

type Fields = ReadonlyMap<number, readonly unknown[]>

function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, unknown[]>()
  for (let at = 0; at < bytes.length;) {
    const [tag, afterTag] = varint(bytes, at)
    const [value, afterValue] = varint(bytes, afterTag)
    const isBytes = (tag & 7n) === 2n
    const end = isBytes ? afterValue + Number(value) : afterValue
    const number = Number(tag >> 3n)
    const given = isBytes ? bytes.subarray(afterValue, end) : value
    fields.set(number, [...(fields.get(number) ?? []), given])
    at = end
  }
  return fields
}

function all(fields: Fields, number: number): readonly unknown[] {
  return fields.get(number) ?? []
}

function firstsOf(bytes: unknown): Readonly<Record<number, unknown>> {
  return Object.fromEntries(
    Array.from(fieldsOf(bytes as Uint8Array), ([number, [first]]) => [number, first]),
  )
}

function varints(bytes: Uint8Array): bigint[] {
  const values: bigint[] = []
  for (let at = 0; at < bytes.length;) {
    const [value, after] = varint(bytes, at)
    values.push(value)
    at = after
  }
  return values
}

function varint(bytes: Uint8Array, from: number): [value: bigint, after: number] {
  let value = 0n
  for (let at = from; ; at += 1) {
    const byte = BigInt(bytes[at] ?? 0)
    value |= (byte & 0x7fn) << BigInt(7 * (at - from))
    if (byte < 0x80n) return [value, at + 1]
  }
}
