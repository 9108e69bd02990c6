import { compress, decompress } from './lzw.ts'
import { messageType } from './message-type.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { Refused } from './refusal.ts'
import { raw, struct, uint8 } from './struct.ts'

const lzwAlgorithm = 0

/** The fields of a message that wraps another. What is compressed is read as a view. */
export const compressed = struct({ Algo: uint8, Buf: raw })

/** At most `sizeMaxBytes` of it. Throws Refused. */
export function decompressedOf(
  { Algo, Buf }: ReturnType<typeof compressed.read>,
  sizeMaxBytes: number,
): Buffer {
  if (Algo !== lzwAlgorithm) throw new Refused('compressionAlgorithm')
  return decompress(Buf, sizeMaxBytes)
}

/** As a message that wraps another. */
export function writeCompressed(plain: Uint8Array): Uint8Array {
  const body = compress(plain)
  const writer = new MsgpackWriter(24 + body.length)
  writer.byte(messageType.compress)
  compressed.write(writer, { Algo: lzwAlgorithm, Buf: body })
  return writer.finish()
}
