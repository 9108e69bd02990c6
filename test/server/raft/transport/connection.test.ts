import { Duplex } from 'node:stream'

import t from 'tap'

import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import { encodeMessage } from '../../../../server/raft/transport/codec.ts'
import { PeerConnection } from '../../../../server/raft/transport/connection.ts'
import { OutboundQueue } from '../../../../server/raft/transport/outbound-queue.ts'
import { QuietLog } from '../../../../server/raft/transport/quiet-log.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { appendOf } from '../../../support/raft-wire.ts'

/** A socket that notes each system call it would make, and takes nothing more while it is held. */
class Notebook extends Duplex {
  readonly calls: Buffer[] = []
  #held: (() => void) | null = null
  isHeld = false

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#note([chunk], done)
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#note(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  release(): void {
    const held = this.#held
    this.#held = null
    held?.()
  }

  #note(chunks: readonly Buffer[], done: () => void): void {
    this.calls.push(Buffer.concat(chunks))
    if (this.isHeld) this.#held = done
    else done()
  }
}

function open(): { readonly stream: Notebook; readonly connection: PeerConnection } {
  const stream = new Notebook()
  const handlers = { onFrame() {}, onDrain() {}, onClose() {} }
  return { stream, connection: new PeerConnection(stream, 'dialed', new VirtualClock(), handlers) }
}

const message = (term: number, sizeBytes: number): RaftMessage =>
  appendOf('b', term, sizeBytes).message

t.test('all frames of a turn leave in one write, large ones too', async (t) => {
  const { connection, stream } = open()
  for (let term = 0; term < 100; term += 1) encodeMessage(connection.writer, message(term, 100))
  connection.flush()
  connection.flush()
  t.same(
    stream.calls.map((call) => call.length),
    [100 * 154],
  )
  for (const sizeBytes of [10, 100_000, 10, 200_000])
    encodeMessage(connection.writer, message(1, sizeBytes))
  connection.flush()
  t.same(
    stream.calls.map((call) => call.length),
    [15_400, 300_020 + 4 * 54],
  )
})

t.test('what a socket has not taken yet is not written over', async (t) => {
  const { connection, stream } = open()
  stream.isHeld = true
  encodeMessage(connection.writer, message(1, 1000))
  connection.flush()
  const [first] = stream.calls
  const before = Buffer.from(first ?? [])
  stream.calls.length = 0
  for (let term = 2; term < 400; term += 1) {
    encodeMessage(connection.writer, message(term, 1000))
    connection.flush()
  }
  t.same(first, before)
  stream.isHeld = false
  stream.release()
  const rest = Buffer.concat(stream.calls)
  t.equal(rest.length, 398 * 1054)
  t.equal(rest.readUInt8(398 * 1054 - 1), 399 & 0xff)
  t.equal(rest.readUInt8(1053), 2)
})

t.test('a queue that is full lets the oldest go, and never a chunk of a snapshot', async (t) => {
  const queue = new OutboundQueue(10_000)
  const chunk: RaftMessage = {
    kind: 'snapshotChunk',
    term: 99,
    snapshot: {
      term: 1,
      index: 1,
      membership: { voters: [], outgoing: [], learners: [], learnersNext: [], addresses: {} },
    },
    offsetBytes: 0,
    data: new Uint8Array(4000),
    last: false,
  }
  t.equal(queue.push(message(1, 2000)), 0)
  t.equal(queue.push(chunk), 0)
  t.equal(queue.push(message(2, 2000)), 0)
  t.equal(queue.push(message(3, 2000)), 1)
  t.equal(queue.push(message(4, 9000)), 3, 'the two others, and itself')
  const left: number[] = []
  queue.push(message(5, 100))
  queue.drain(
    () => left.length < 1,
    ({ term }) => left.push(term),
  )
  t.same(left, [99])
  queue.drain(
    () => true,
    ({ term }) => left.push(term),
  )
  t.same(left, [99, 5])
  t.equal(queue.bytes, 0)
})

t.test('a subject is heard once a minute', async (t) => {
  const heard: string[] = []
  const clock = new VirtualClock()
  const log = new QuietLog({ ...noLog, warn: (_, text = '') => void heard.push(text) }, clock)
  for (const text of ['1', '2']) log.warn('x', {}, text)
  log.warn('y', {}, '3')
  await clock.advance(60_000)
  log.warn('x', {}, '4')
  log.forget('x')
  log.warn('x', {}, '5')
  for (let each = 0; each < 2000; each += 1) log.warn(`subject ${each}`, {}, 'more')
  t.same(heard.slice(0, 4), ['1', '3', '4', '5'])
  t.equal(heard.length, 2004)
})
