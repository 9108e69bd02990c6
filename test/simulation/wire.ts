import { must } from '../../server/model/assert.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import { ByteWriter } from '../../server/raft/transport/bytes.ts'
import { decodeMessage, encodeMessage } from '../../server/raft/transport/codec.ts'
import { FrameReader } from '../../server/raft/transport/frame.ts'
import { PayloadArena } from '../../server/raft/transport/payload-arena.ts'

/** Messages as they go over a socket between servers: what their bytes do not say does not arrive. */
export class Wire {
  readonly #writer = new ByteWriter()
  readonly #arena = new PayloadArena()

  encode(message: RaftMessage): Uint8Array {
    encodeMessage(this.#writer, message)
    const frame = new Uint8Array(Buffer.concat(this.#writer.take()))
    this.#writer.reuse()
    return frame
  }

  decode(frame: Uint8Array): RaftMessage {
    const messages: RaftMessage[] = []
    const reader = new FrameReader((kind, body) => {
      messages.push(decodeMessage(kind, body, this.#arena))
    })
    reader.push(frame)
    return must(messages[0], 'a whole frame')
  }
}
