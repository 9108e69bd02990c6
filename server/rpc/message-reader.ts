import { MalformedMsgpack, decodeMsgpackPrefix } from '../wire/msgpack.ts'
import { MalformedMessage, MessageExtent } from './message-extent.ts'

/** A call or its answer: Go's net/rpc sends a header and a body, each a msgpack value, and nothing around them. */
export interface Message {
  readonly header: Readonly<Record<string, unknown>>
  readonly body: unknown
}

/** Larger than any value or transaction that is taken, smaller than what would hurt: 64 MiB holds the largest list of a real fleet. */
export const messageMaxBytes = 64 * 1024 * 1024
/** A value is a byte at least, but an object here is dozens: a message of nothing but small values must not become a heap of them. */
const valuesMax = 8 * 1024 * 1024

/** Cuts what comes on a connection into messages. */
export class MessageReader {
  readonly #extent = new MessageExtent(2)
  readonly #sizeMaxBytes: number
  /** The beginning of a message whose end hasn't come. */
  #parts: Buffer[] = []
  #partsBytes = 0

  constructor(sizeMaxBytes = messageMaxBytes) {
    this.#sizeMaxBytes = sizeMaxBytes
  }

  /** The messages that end in this chunk, in order. Throws MalformedMessage, and makes no sense of anything after it. */
  *read(chunk: Buffer): Generator<Message, void, undefined> {
    let start = 0
    while (start < chunk.length) {
      const end = this.#extent.scan(chunk, start, valuesMax)
      const part = chunk.subarray(start, end)
      this.#partsBytes += part.length
      if (this.#partsBytes > this.#sizeMaxBytes)
        throw new MalformedMessage(`a message of more than ${this.#sizeMaxBytes} bytes`)
      if (end === undefined) {
        this.#parts.push(part)
        return
      }
      const whole = this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part])
      this.#parts = []
      this.#partsBytes = 0
      start = end
      yield decodeMessage(whole)
    }
  }
}

function decodeMessage(bytes: Buffer): Message {
  try {
    const { value: header, end } = decodeMsgpackPrefix(bytes, 0, exact)
    if (typeof header !== 'object' || header === null || Array.isArray(header))
      throw new MalformedMessage('a header that is no map')
    const { value: body } = decodeMsgpackPrefix(bytes, end, exact)
    return { header: header as Readonly<Record<string, unknown>>, body }
  } catch (error) {
    if (error instanceof MalformedMsgpack) throw new MalformedMessage(error.message)
    throw error
  }
}

const exact = { exactRaw: true } as const
