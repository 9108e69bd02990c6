import { must } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import { bounds, type Entry, type Index } from './types.ts'

/**
 * How a user's archive replaces the state of a running cluster: through the log, as consecutive entries that carry its chunks
 * and a last one that closes it. So every server, also one that is behind, restores at the same place between the same
 * writes, and a crash half way leaves the old state.
 *
 * The archive may come from a cluster whose index was further than ours. Its rows carry those indexes and its clients remember
 * them, so from then on the state's index is the log's plus a shift that puts the next entry after everything restored.
 */
export class Restoration {
  /** State index minus log index. */
  #shift: number
  #parts: Uint8Array[] = []

  constructor(shift: number) {
    this.#shift = shift
  }

  get shift(): number {
    return this.#shift
  }

  /** Between the first and the last entry of an archive: not the time for a snapshot, which would miss the first. */
  get underWay(): boolean {
    return this.#parts.length > 0
  }

  /**
   * An archive that is not consecutive in the log (its leader was deposed half way) is forgotten by the first entry that does
   * not belong to it, on every server alike.
   */
  interrupt(): void {
    if (this.#parts.length > 0) this.#parts = []
  }

  take(entry: Entry): Part {
    const { last, sequence, archiveIndex } = decodeHeader(entry.payload)
    if (sequence === 0) this.#parts = []
    if (sequence !== this.#parts.length) {
      this.#parts = []
      return { kind: 'broken' }
    }
    this.#parts.push(entry.payload.subarray(headerBytes))
    if (!last) return { kind: 'more' }
    const parts = this.#parts
    this.#parts = []
    return {
      kind: 'last',
      chunks: rechunk(parts),
      shift: Math.max(this.#shift, archiveIndex + 1 - entry.index),
    }
  }

  moveTo(shift: number): void {
    this.#shift = shift
  }
}

export type Part =
  | { readonly kind: 'more' }
  | { readonly kind: 'broken' }
  | {
      readonly kind: 'last'
      readonly chunks: AsyncIterable<Uint8Array>
      /** The shift once it is restored. */
      readonly shift: number
    }

/**
 * The first byte of an entry that carries an archive. A state machine's command may begin with any other: this one begins
 * nothing in msgpack, and is no message type of Consul's.
 */
export const restorationMark = 0xc1

export function isRestoration(entry: Entry): boolean {
  return entry.kind === 'command' && entry.payload[0] === restorationMark
}

const headerBytes = 16

/** An archive's whole content waits in memory on every server until its last entry. */
export const archiveBytesMax = 512 << 20

/**
 * The payloads of the entries that carry an archive. `index` is the state index that the archive was taken at.
 *
 *   u8 0xC1 · u8 1 in the last, else 0 · u16 0 · u32 sequence from 0 · u64 archive index · bytes
 *
 * The bytes of all, joined, are the chunks, each after its u32 length.
 */
export async function* restorationPayloads(
  index: Index,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const bytesMax = bounds.payloadBytesMax - headerBytes
  let [sequence, totalBytes] = [0, 0]
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  const payload = (last: boolean): Uint8Array => {
    const joined = Buffer.concat([encodeHeader(last, sequence, index), ...gathered])
    sequence += 1
    gathered = []
    gatheredBytes = 0
    return joined
  }
  for await (const chunk of chunks) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(chunk.length, 0)
    totalBytes += chunk.length
    if (totalBytes > archiveBytesMax)
      throw new PraetorError('too-large', `a snapshot of more than ${archiveBytesMax} bytes`)
    for (let rest of [length, Buffer.from(chunk)]) {
      while (gatheredBytes + rest.length > bytesMax) {
        const room = bytesMax - gatheredBytes
        gathered.push(rest.subarray(0, room))
        rest = rest.subarray(room)
        yield payload(false)
      }
      gathered.push(rest)
      gatheredBytes += rest.length
    }
  }
  yield payload(true)
}

/** An entry that belongs to no archive, and so ends the one that was begun. */
export function abandonment(): Uint8Array {
  return encodeHeader(false, sequenceOfNone, 0)
}

const sequenceOfNone = 2 ** 32 - 1

function encodeHeader(last: boolean, sequence: number, index: Index): Uint8Array {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(restorationMark, 0)
  header.writeUInt8(last ? 1 : 0, 1)
  header.writeUInt32LE(sequence, 4)
  header.writeBigUInt64LE(BigInt(index), 8)
  return header
}

function decodeHeader(payload: Uint8Array): {
  readonly last: boolean
  readonly sequence: number
  readonly archiveIndex: Index
} {
  const header = Buffer.from(payload.buffer, payload.byteOffset, headerBytes)
  return {
    last: header.readUInt8(1) === 1,
    sequence: header.readUInt32LE(4),
    archiveIndex: Number(header.readBigUInt64LE(8)),
  }
}

/** The archive's own chunks again, out of the entries that carried them. */
async function* rechunk(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  const reader = new Reader(parts)
  while (reader.leftBytes > 0) {
    const length = Buffer.from(reader.take(4)).readUInt32LE(0)
    yield reader.take(length)
  }
}

/** Bytes in order out of many pieces, each copied once. */
class Reader {
  readonly #pieces: readonly Uint8Array[]
  #piece = 0
  #offset = 0
  leftBytes: number

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
    this.leftBytes = pieces.reduce((sum, { length }) => sum + length, 0)
  }

  take(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.leftBytes) throw new PraetorError('failed', 'the archive ends in a chunk')
    const taken = new Uint8Array(sizeBytes)
    let filled = 0
    while (filled < sizeBytes) {
      const piece = must(this.#pieces[this.#piece], 'a piece of the archive')
      const slice = piece.subarray(this.#offset, this.#offset + sizeBytes - filled)
      taken.set(slice, filled)
      filled += slice.length
      this.#offset += slice.length
      if (this.#offset < piece.length) continue
      this.#piece += 1
      this.#offset = 0
    }
    this.leftBytes -= sizeBytes
    return taken
  }
}
