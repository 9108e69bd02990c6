import fc from 'fast-check'
import t from 'tap'

import {
  MalformedFrame,
  FrameReader,
  encodeHeader,
  frameFlag,
  frameType,
} from '../../../../server/rpc/yamux/frame.ts'
import type { FrameHeader } from '../../../../server/rpc/yamux/frame.ts'
import { YamuxSession, windowSizeBytes } from '../../../../server/rpc/yamux/session.ts'
import type { SessionOutput } from '../../../../server/rpc/yamux/session.ts'

const { data, window, ping, goAway } = frameType
const { syn, ack, fin, rst } = frameFlag

const frame = (type: number, flags: number, streamId: number, length: number): Buffer =>
  encodeHeader({ type, flags, streamId, length })
const dataFrame = (streamId: number, text: string, flags = 0): Buffer =>
  Buffer.concat([frame(data, flags, streamId, Buffer.byteLength(text)), Buffer.from(text)])

/** What was sent, as the frames it is made of; and what else was wanted. */
function outcome(session: YamuxSession): { readonly sent: string[]; readonly news: string[] } {
  const outputs = session.outputs()
  return { sent: describeFrames(sentBy(outputs)), news: outputs.flatMap(describeNews) }
}

function sentBy(outputs: readonly SessionOutput[]): Buffer {
  return Buffer.concat(outputs.flatMap((output) => (output.kind === 'send' ? [output.bytes] : [])))
}

const typeNames = ['data', 'window', 'ping', 'goAway']
function describeFrames(bytes: Buffer): string[] {
  const frames: string[] = []
  for (const part of new FrameReader().read(bytes))
    if (part.kind === 'header') frames.push(describeHeader(part.header))
    else
      frames.push(`${frames.pop() ?? ''} ${part.bytes.length > 20 ? '…' : part.bytes.toString()}`)
  return frames
}

function describeHeader({ type, flags, streamId, length }: FrameHeader): string {
  const names = Object.entries(frameFlag).flatMap(([name, bit]) => (flags & bit ? [name] : []))
  return [typeNames[type], ...names, streamId, length].join(' ')
}

function describeNews(output: SessionOutput): string[] {
  if (output.kind === 'send') return []
  if (output.kind === 'data') return [`data ${output.streamId} ${output.bytes.toString()}`]
  const rest = Object.entries(output).flatMap(([key, value]) => (key === 'kind' ? [] : [value]))
  return [[output.kind, ...rest].join(' ')]
}

t.test('a header is twelve bytes in the order of the specification', async (t) => {
  t.equal(
    encodeHeader({ type: window, flags: syn | fin, streamId: 3, length: 0x01020304 }).toString(
      'hex',
    ),
    '00 01 0005 00000003 01020304'.replaceAll(' ', ''),
  )
})

t.test('a client opens odd streams and a server even ones', async (t) => {
  for (const [role, ids] of [
    ['client', [1, 3]],
    ['server', [2, 4]],
  ] as const) {
    const session = new YamuxSession(role)
    t.strictSame([session.open(), session.open()], ids)
    t.strictSame(
      outcome(session).sent,
      ids.map((id) => `window syn ${id} 0`),
    )
  }
})

interface Case {
  readonly name: string
  readonly given: (session: YamuxSession) => void
  readonly sent?: readonly string[]
  readonly news?: readonly string[]
  readonly streams?: number
}

/** A server that nothing has happened to. */
const cases: readonly Case[] = [
  {
    name: 'a stream that is opened is accepted',
    given: (s) => s.receive(frame(window, syn, 1, 0)),
    sent: ['window ack 1 0'],
    news: ['opened 1'],
    streams: 1,
  },
  {
    name: 'data may come with the opening, and the end with the data',
    given: (s) => s.receive(dataFrame(1, 'hello', syn | fin)),
    sent: ['window ack 1 0'],
    news: ['opened 1', 'data 1 hello', 'ended 1'],
    streams: 1,
  },
  {
    name: 'a stream ends when both sides have finished it',
    given(s) {
      s.receive(dataFrame(1, 'x', syn | fin))
      s.send(1, Buffer.from('y'))
      s.finish(1)
    },
    sent: ['window ack 1 0', 'data 1 1 y', 'window fin 1 0'],
    news: ['opened 1', 'data 1 x', 'ended 1', 'drained 1'],
    streams: 0,
  },
  {
    name: 'what was sent before the end goes out before it',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.hold(true)
      s.send(1, Buffer.from('y'))
      s.finish(1)
      s.send(1, Buffer.from('too late'))
      s.hold(false)
    },
    sent: ['window ack 1 0', 'data 1 1 y', 'window fin 1 0'],
    news: ['opened 1', 'drained 1'],
  },
  {
    name: 'a stream that the other side resets is gone, and so is what was to be sent',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.hold(true)
      s.send(1, Buffer.from('y'))
      s.receive(frame(window, rst, 1, 0))
      s.hold(false)
      s.send(1, Buffer.from('z'))
    },
    sent: ['window ack 1 0'],
    news: ['opened 1', 'reset 1'],
    streams: 0,
  },
  {
    name: 'frames that crossed our reset are skipped',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.reset(1)
      s.receive(dataFrame(1, 'late'))
      s.receive(frame(window, 0, 1, 9))
      s.receive(frame(window, fin, 1, 0))
    },
    sent: ['window ack 1 0', 'window rst 1 0'],
    news: ['opened 1'],
    streams: 0,
  },
  {
    name: 'a ping is answered with its value, and an answer is told',
    given(s) {
      s.receive(frame(ping, syn, 0, 77))
      s.ping(5)
      s.receive(frame(ping, ack, 0, 5))
    },
    sent: ['ping ack 0 77', 'ping syn 0 5'],
    news: ['pong 5'],
  },
  {
    name: 'after the other side went away no stream is opened, but those that are go on',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.receive(frame(goAway, 0, 0, 0))
      t.equal(s.open(), undefined)
      s.send(1, Buffer.from('y'))
    },
    sent: ['window ack 1 0', 'data 1 1 y'],
    news: ['opened 1', 'goAway', 'drained 1'],
  },
  {
    name: 'after we went away an opening is refused',
    given(s) {
      s.goAway()
      s.goAway()
      s.receive(frame(window, syn, 1, 0))
    },
    sent: ['goAway 0 0', 'window rst 1 0'],
    streams: 0,
  },
  {
    name: 'one stream too many is reset, and what it sent is skipped',
    given(s) {
      for (const id of [1, 3, 5]) s.receive(dataFrame(id, 'x', syn))
    },
    sent: ['window ack 1 0', 'window ack 3 0', 'window rst 5 0'],
    news: ['opened 1', 'data 1 x', 'opened 3', 'data 3 x'],
    streams: 2,
  },
  {
    name: 'of a frame that our reset cut short the rest is skipped',
    given(s) {
      s.receive(Buffer.concat([frame(window, syn, 1, 0), frame(data, 0, 1, 4), Buffer.from('ab')]))
      s.reset(1)
      s.receive(Buffer.from('cd'))
      s.receive(frame(ping, syn, 0, 1))
    },
    sent: ['window ack 1 0', 'window rst 1 0', 'ping ack 0 1'],
    news: ['opened 1', 'data 1 ab'],
    streams: 0,
  },
  {
    name: 'a stream that ended makes room for another',
    given(s) {
      for (const id of [1, 3, 5, 7]) {
        s.receive(frame(window, syn | fin, id, 0))
        s.finish(id)
      }
    },
    sent: [1, 3, 5, 7].flatMap((id) => [`window ack ${id} 0`, `window fin ${id} 0`]),
    news: [1, 3, 5, 7].flatMap((id) => [`opened ${id}`, `ended ${id}`]),
    streams: 0,
  },
  ...[
    [
      'a stream of our own parity',
      frame(window, syn, 2, 0),
      "stream 2 can't be opened by the other side",
    ],
    [
      'a stream of the session itself',
      frame(window, syn, 0, 0),
      "stream 0 can't be opened by the other side",
    ],
    ['another version', Buffer.from('01'.padEnd(24, '0'), 'hex'), 'yamux version 1'],
    ['an unknown type', Buffer.from('0004'.padEnd(24, '0'), 'hex'), 'yamux frame of type 4'],
  ].map(([name, bytes, reason]): Case => ({
    name: `${String(name)} ends the session`,
    given: (s) => s.receive(bytes as Buffer),
    sent: ['goAway 0 1'],
    news: [`failed ${String(reason)}`],
  })),
  {
    name: 'an opening of what is open ends the session',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.receive(frame(window, syn, 1, 0))
      s.receive(dataFrame(1, 'nothing more is heeded'))
    },
    sent: ['window ack 1 0', 'goAway 0 1'],
    news: ['opened 1', "failed stream 1 can't be opened by the other side"],
  },
  {
    name: 'data beyond the window ends the session before it is taken',
    given(s) {
      s.receive(frame(window, syn, 1, 0))
      s.receive(frame(data, 0, 1, windowSizeBytes + 1))
    },
    sent: ['window ack 1 0', 'goAway 0 1'],
    news: ['opened 1', 'failed stream 1 overran its window'],
  },
  {
    name: 'data after the end ends the session',
    given(s) {
      s.receive(frame(window, syn | fin, 1, 0))
      s.receive(dataFrame(1, 'x'))
    },
    sent: ['window ack 1 0', 'goAway 0 1'],
    news: ['opened 1', 'ended 1', 'failed data on stream 1 after its end'],
  },
  {
    name: 'an impossible window ends the session',
    given(s) {
      s.receive(frame(window, syn, 1, 0xffff_ffff))
    },
    sent: ['window ack 1 0', 'goAway 0 1'],
    news: ['opened 1', 'failed stream 1 was given an impossible window'],
  },
  {
    name: 'a reason to go that is no good one ends the session',
    given: (s) => s.receive(frame(goAway, 0, 0, 2)),
    news: ['failed the other side went away with code 2'],
  },
]

for (const { name, given, sent = [], news = [], streams } of cases)
  t.test(name, async (t) => {
    const session = new YamuxSession('server', { streamsMax: 2 })
    given(session)
    t.strictSame(outcome(session), { sent, news })
    if (streams !== undefined) t.equal(session.streams, streams)
  })

t.test('a sender stops at the window, and goes on by what the reader consumed', async (t) => {
  const session = new YamuxSession('client')
  session.open()
  session.send(1, Buffer.alloc(windowSizeBytes + 10))
  const first = outcome(session)
  t.strictSame(first.news, [])
  t.equal(first.sent.length, 1 + windowSizeBytes / 32_768)
  session.receive(frame(window, ack, 1, 4))
  t.strictSame(outcome(session), { sent: ['data 1 4 \0\0\0\0'], news: [] })
  session.receive(frame(window, 0, 1, 100))
  t.strictSame(outcome(session), { sent: ['data 1 6 \0\0\0\0\0\0'], news: ['drained 1'] })
})

t.test('a window is given back by halves', async (t) => {
  const session = new YamuxSession('server')
  session.receive(frame(window, syn, 1, 0))
  session.receive(
    Buffer.concat([frame(data, 0, 1, windowSizeBytes), Buffer.alloc(windowSizeBytes)]),
  )
  session.outputs()
  session.consumed(1, windowSizeBytes / 2 - 1)
  t.strictSame(outcome(session).sent, [])
  session.consumed(1, 1)
  t.strictSame(outcome(session).sent, [`window 1 ${windowSizeBytes / 2}`])
})

t.test('long writes of two streams take turns', async (t) => {
  const session = new YamuxSession('client')
  session.hold(true)
  for (const id of [session.open(), session.open()]) session.send(id ?? 0, Buffer.alloc(70_000))
  session.outputs()
  session.hold(false)
  t.strictSame(
    outcome(session).sent.map((line) => line.split(' ')[1]),
    ['1', '3', '1', '3', '1', '3'],
  )
})

t.test('any bytes, in any pieces, end in frames or in one refusal', async () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 30 }),
      )
      .map(([type, flags, streamId, length]) => encodeHeader({ type, flags, streamId, length })),
  )
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 30 }),
      fc.constantFrom('client', 'server'),
      (chunks, role) => {
        const session = new YamuxSession(role, { streamsMax: 3 })
        for (const bytes of chunks) session.receive(Buffer.from(bytes))
        const failed = session.outputs().filter(({ kind }) => kind === 'failed')
        return failed.length <= 1 && session.streams <= 3
      },
    ),
  )
})

t.test('a header cut anywhere is the same header', async (t) => {
  const bytes = Buffer.concat([dataFrame(1, 'hello', syn), frame(ping, syn, 0, 9)])
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const reader = new FrameReader()
    const parts = [...reader.read(bytes.subarray(0, cut)), ...reader.read(bytes.subarray(cut))]
    const text = parts
      .map((part) => (part.kind === 'payload' ? part.bytes.toString() : ''))
      .join('')
    t.equal(text, 'hello')
    t.equal(parts.filter(({ kind }) => kind === 'header').length, 2)
  }
  t.throws(() => [...new FrameReader().read(Buffer.alloc(12, 9))], MalformedFrame)
})

/** Two sessions joined by wires that pass on some bytes at a time. */
t.test('whatever two sides send on many streams arrives, in order and whole', async () => {
  const step = fc.record({
    side: fc.constantFrom(0 as const, 1 as const),
    action: fc.constantFrom('open', 'send', 'pass', 'pass', 'finish', 'hold', 'release'),
    pick: fc.nat(7),
    size: fc.integer({ min: 1, max: 200_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), (steps) => {
      const pair = new Pair()
      for (const { side, action, pick, size } of steps) pair.act(side, action, pick, size)
      pair.settle()
      return pair.isWhole()
    }),
    { numRuns: 60 },
  )
})

class Pair {
  readonly #sides = [new YamuxSession('client'), new YamuxSession('server')] as const
  readonly #wires = [Buffer.alloc(0), Buffer.alloc(0)]
  readonly #ids: number[][] = [[], []]
  readonly #finished = [new Set<number>(), new Set<number>()] as const
  readonly #sent = [new Map<number, number>(), new Map<number, number>()] as const
  readonly #received = [new Map<number, number>(), new Map<number, number>()] as const
  #failed = false

  act(side: 0 | 1, action: string, pick: number, size: number): void {
    const session = this.#sides[side]
    const ids = this.#ids[side] ?? []
    const id = ids[pick % Math.max(1, ids.length)]
    if (action === 'open') ids.push(session.open() ?? 0)
    else if (action === 'hold') session.hold(true)
    else if (action === 'release') session.hold(false)
    else if (action === 'pass') this.#pass(side, size)
    else if (id !== undefined && action === 'finish') {
      this.#finished[side].add(id)
      session.finish(id)
    } else if (id !== undefined && !this.#finished[side].has(id)) {
      const from = this.#sent[side].get(id) ?? 0
      session.send(id, pattern(from, size))
      this.#sent[side].set(id, from + size)
    }
    this.#collect()
  }

  settle(): void {
    for (const session of this.#sides) session.hold(false)
    this.#collect()
    while (this.#wires.some((wire) => wire.length > 0))
      for (const side of [0, 1] as const) this.#pass(side, 1e9)
  }

  isWhole(): boolean {
    return (
      !this.#failed &&
      [0, 1].every((side) =>
        [...(this.#sent[side] ?? [])].every(
          ([id, size]) => this.#received[1 - side]?.get(id) === size,
        ),
      )
    )
  }

  #pass(side: 0 | 1, size: number): void {
    const wire = this.#wires[side] ?? Buffer.alloc(0)
    this.#wires[side] = wire.subarray(size)
    this.#sides[side === 0 ? 1 : 0].receive(wire.subarray(0, size))
    this.#collect()
  }

  /** Does what both want, and what they want because of it. */
  #collect(): void {
    while (this.#collectOnce()) continue
  }

  #collectOnce(): boolean {
    let any = false
    for (const side of [0, 1] as const)
      for (const output of this.#sides[side].outputs()) {
        any = true
        if (output.kind === 'send')
          this.#wires[side] = Buffer.concat([this.#wires[side] ?? Buffer.alloc(0), output.bytes])
        else if (output.kind === 'opened') this.#ids[side]?.push(output.streamId)
        else if (output.kind === 'failed') this.#failed = true
        else if (output.kind === 'data') {
          const had = this.#received[side].get(output.streamId) ?? 0
          if (!output.bytes.equals(pattern(had, output.bytes.length))) this.#failed = true
          this.#received[side].set(output.streamId, had + output.bytes.length)
          this.#sides[side].consumed(output.streamId, output.bytes.length)
        }
      }
    return any
  }
}

/** Bytes that say where in their stream they are. */
function pattern(from: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 1) bytes[at] = (from + at) % 251
  return bytes
}
