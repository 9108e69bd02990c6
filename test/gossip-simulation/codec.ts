import { encodeMessage } from '../../server/gossip/wire/codec.ts'
import type { GossipMessage, StreamMessage } from '../../server/gossip/wire/messages.ts'
import { joinParts, openPacket, sealPacket } from '../../server/gossip/wire/packet.ts'
import { must } from '../../server/model/assert.ts'

/** What becomes of a message between two members. */
export interface Codec {
  readonly encode: (message: GossipMessage) => Uint8Array
  readonly open: (parts: readonly Uint8Array[], crc: boolean) => readonly GossipMessage[]
}

/** Production, to the last byte: packed, checked, opened and read again. */
export const wireCodec: Codec = {
  encode: encodeMessage,
  open: (parts, crc) => {
    const opened = openPacket(sealPacket(joinParts(parts), open, { checksum: crc }), open)
    if ('refused' in opened) throw new Error(`a packet was refused: ${opened.refused}`)
    return opened.messages
  },
}

/**
 * The same bytes, but nobody reads them: each array remembers what it says. Rumours are passed on as they are, so a thousand members
 * need not read a thousand times what one has written.
 */
export const rememberingCodec: Codec = {
  encode: (message) => {
    const bytes: Written = encodeMessage(message)
    bytes.says = message
    return bytes
  },
  open: (parts) => parts.map((part: Written) => must(part.says, 'it was written here')),
}

/** What it takes on a stream, uncompressed, with TCP's own segments; both sides' handshake and end are in `connectionBytes`. */
export function streamBytes(message: StreamMessage): number {
  let bytes = 16
  if (message.kind === 'pushPull') {
    bytes += message.user.length
    for (const { meta, node } of message.states) bytes += stateBytes + meta.length + node.length
  } else if (message.kind === 'user') bytes += message.body.length
  else if (message.kind === 'error') bytes += message.text.length
  else bytes = encodeMessage(message).length
  return bytes + segmentBytes * Math.ceil(bytes / segmentMaxBytes)
}

/** Seven segments without content: three to begin, four to end. */
export const connectionBytes = 7 * 40

interface Written extends Uint8Array {
  says?: GossipMessage
}

const open = { encryption: null, label: '' }
/** One member's state but for its name and meta: seven field names and the rest of the values. */
const stateBytes = 66
const segmentBytes = 40
const segmentMaxBytes = 1448
