import { MsgpackReader, textOf } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import type { FieldType } from './struct.ts'

export type Tags = Readonly<Record<string, string>>

/** What a member's meta begins with where it holds tags. */
const tagsMark = 0xff
/** No more fit into a member's meta, by far. */
const tagsMax = 512

/** A member's tags as its meta. Whether they fit into the 512 bytes that memberlist gives is for the caller to see. */
export function encodeTags(tags: Tags): Uint8Array {
  const writer = new MsgpackWriter(256)
  writer.byte(tagsMark)
  tagMap.write(writer, tags)
  return writer.finish()
}

/** The tags in a member's meta. Members from before there were tags say their role, and no more. Throws Refused. */
export function decodeTags(meta: Uint8Array): Tags {
  if (meta[0] !== tagsMark) return { role: textOf(meta) }
  return tagMap.read(new MsgpackReader(meta, 1))
}

/** Go's map[string]string. */
export const tagMap: FieldType<Tags> = {
  zero: {},
  write(writer, tags) {
    const pairs = Object.entries(tags)
    writer.map(pairs.length)
    for (const [tag, value] of pairs) {
      writer.text(tag)
      writer.text(value)
    }
  },
  read(reader) {
    const pairs: [string, string][] = []
    for (let left = reader.pairs(tagsMax); left > 0; left -= 1)
      pairs.push([reader.text(), reader.text()])
    return Object.fromEntries(pairs)
  },
}
