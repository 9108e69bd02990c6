import { assertNever } from '../../model/assert.ts'
import type { ByteQueue } from './byte-queue.ts'
import { messageType } from './message-type.ts'
import type { PushPull, RemoteState, StreamError, StreamMessage } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { ack, ping } from './probe-forms.ts'
import { Refused } from './refusal.ts'
import { readRemoteState, writeRemoteState } from './rumour-forms.ts'
import { boolean, type Form, meaning, size, struct, text } from './struct.ts'

/** What is taken over a stream at most: memberlist's limits, where it has them. */
export interface StreamLimits {
  /** Of an encrypted frame, of what is compressed, and of what the delegate adds. */
  readonly frameBytes: number
  /** Of everything that comes, and of what it becomes when decompressed. */
  readonly streamBytes: number
  readonly members: number
  /** Of one member, one ping, one error. */
  readonly itemBytes: number
}

export const streamLimits: StreamLimits = {
  frameBytes: 20 * 1024 * 1024,
  streamBytes: 40 * 1024 * 1024,
  members: 1024 * 1024,
  itemBytes: 64 * 1024,
}

const pushPullHead = struct({ Nodes: size, UserStateLen: size, Join: boolean })
const userHead = struct({ UserMsgLen: size })
const streamError = meaning(
  struct({ Error: text }),
  (message: StreamError) => ({ Error: message.text }),
  ({ Error }): StreamError => ({ kind: 'error', text: Error }),
)

/** A message as it goes over a stream, without any wrapping: its type, its fields, and bytes whose number the fields tell. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  const writer = new MsgpackWriter(message.kind === 'pushPull' ? roomFor(message) : undefined)
  writer.byte(messageType[message.kind])
  write(writer, message)
  return writer.finish()
}

function write(writer: MsgpackWriter, message: StreamMessage): void {
  switch (message.kind) {
    case 'ping':
      return ping.write(writer, message)
    case 'ack':
      return ack.write(writer, message)
    case 'pushPull':
      return writePushPull(writer, message)
    case 'user':
      userHead.write(writer, { UserMsgLen: message.body.length })
      return writer.append(message.body)
    case 'error':
      return streamError.write(writer, message)
    default:
      return assertNever(message)
  }
}

function writePushPull(writer: MsgpackWriter, { join, states, user }: PushPull): void {
  pushPullHead.write(writer, { Nodes: states.length, UserStateLen: user.length, Join: join })
  for (const state of states) writeRemoteState(writer, state)
  writer.append(user)
}

function roomFor({ states, user }: PushPull): number {
  return 64 + 256 * states.length + user.length
}

export interface ParsedStream {
  readonly message: StreamMessage
  /** Members of a push/pull whose description makes no sense. */
  readonly leftOut: number
}

/** Takes a message apart as it comes, and keeps nothing of it but what it means. */
export class StreamParser {
  readonly #limits: StreamLimits
  #type: number | undefined
  #pushPull: ReturnType<typeof pushPullHead.read> | undefined
  #userBytes: number | undefined
  readonly #states: RemoteState[] = []
  #statesLeft = 0
  #leftOut = 0

  constructor(limits: StreamLimits) {
    this.#limits = limits
  }

  /** Uses up what it can; the message as soon as all of it was there. Throws Refused. */
  parse(bytes: ByteQueue): ParsedStream | undefined {
    if (this.#type === undefined) {
      if (bytes.length === 0) return undefined
      this.#type = bytes.view()[0]
      bytes.drop(1)
    }
    switch (this.#type) {
      case messageType.pushPull:
        return this.#parsePushPull(bytes)
      case messageType.user:
        return this.#parseUser(bytes)
      case messageType.ping:
        return this.#parseFields(bytes, ping)
      case messageType.ack:
        return this.#parseFields(bytes, keptAck)
      case messageType.error:
        return this.#parseFields(bytes, streamError)
      case messageType.compress:
        throw new Refused('nesting')
      case messageType.indirectPing:
      case messageType.suspect:
      case messageType.alive:
      case messageType.dead:
      case messageType.compound:
      case messageType.nack:
      case messageType.hasCrc:
      case messageType.encrypt:
      case messageType.hasLabel:
        throw new Refused('misplacedType')
      default:
        throw new Refused('unknownType')
    }
  }

  #parseFields(bytes: ByteQueue, form: Reading<StreamMessage>): ParsedStream | undefined {
    const message = attempt(bytes, this.#limits.itemBytes, form)
    return message && { message, leftOut: 0 }
  }

  #parseUser(bytes: ByteQueue): ParsedStream | undefined {
    this.#userBytes ??= attempt(bytes, this.#limits.itemBytes, userHead)?.UserMsgLen
    const body = this.#takeUser(bytes)
    return body && { message: { kind: 'user', body }, leftOut: 0 }
  }

  #parsePushPull(bytes: ByteQueue): ParsedStream | undefined {
    if (this.#pushPull === undefined) {
      this.#pushPull = attempt(bytes, this.#limits.itemBytes, pushPullHead)
      if (this.#pushPull === undefined) return undefined
      const { Nodes, UserStateLen } = this.#pushPull
      if (Nodes > this.#limits.members) throw new Refused('tooManyMembers')
      this.#statesLeft = Nodes
      this.#userBytes = UserStateLen
    }
    while (this.#statesLeft > 0) {
      const read = attempt(bytes, this.#limits.itemBytes, remoteState)
      if (read === undefined) return undefined
      this.#statesLeft -= 1
      if (read.state === undefined) this.#leftOut += 1
      else this.#states.push(read.state)
    }
    const user = this.#takeUser(bytes)
    if (user === undefined) return undefined
    return {
      message: { kind: 'pushPull', join: this.#pushPull.Join, states: this.#states, user },
      leftOut: this.#leftOut,
    }
  }

  /** The bytes behind the fields, when all have come. */
  #takeUser(bytes: ByteQueue): Uint8Array | undefined {
    if (this.#userBytes === undefined) return undefined
    if (this.#userBytes > this.#limits.frameBytes) throw new Refused('tooLarge')
    if (bytes.length < this.#userBytes) return undefined
    const user = new Uint8Array(bytes.view().subarray(0, this.#userBytes))
    bytes.drop(this.#userBytes)
    return user
  }
}

/** How many values an unknown field may hold: they are gone through again with each piece that comes. */
const skippedMax = 64

/**
 * The value that the bytes begin with, which is thereby used up; undefined while they end too soon for it. Tried again
 * with every piece, which is cheap because a message has few fields and long ones are not looked into.
 */
export function attempt<T>(
  bytes: ByteQueue,
  sizeMaxBytes: number,
  form: Reading<T>,
): T | undefined {
  const view = bytes.view()
  const reader = new MsgpackReader(view, 0, view.length, skippedMax)
  try {
    const value = form.read(reader)
    bytes.drop(reader.offset)
    return value
  } catch (error) {
    if (!(error instanceof Refused) || error.reason !== 'truncated') throw error
    if (view.length > sizeMaxBytes) throw new Refused('tooLarge')
    return undefined
  }
}

type Reading<Value> = Pick<Form<Value>, 'read'>

/** Wrapped, for undefined is what `attempt` says itself. */
const remoteState: Reading<{ readonly state: RemoteState | undefined }> = {
  read: (reader) => ({ state: readRemoteState(reader) }),
}

/** A stream's bytes are soon others. */
const keptAck: Reading<StreamMessage> = {
  read(reader) {
    const message = ack.read(reader)
    return { ...message, payload: new Uint8Array(message.payload) }
  },
}
