import { assert, must } from '../model/assert.ts'
import { kvWriteVerbs } from '../model/kv.ts'
import type { Fence, KvWrite, KvWriteVerb } from '../model/kv.ts'
import { narrow } from '../model/unsigned.ts'
import type { Unsigned64 } from '../model/unsigned.ts'
import { decodeMsgpack, encodeMsgpack } from '../wire/msgpack.ts'
import type { CommandCodec } from './command.ts'

export interface KvArgs {
  readonly Op: KvWriteVerb
  readonly DirEnt: KvWrite
  /** Absent where there are none. */
  readonly Fences?: readonly Fence[]
}

/**
 * Key writes are most of a busy log, so they have a form of their own, about four times as quick as msgpack's maps. All numbers
 * are little endian; the value is what is left.
 *
 *     0        1      2              4            8         16              24
 *     ┌────────┬──────┬──────────────┬────────────┬─────────┬───────────────┬─────────┬─────┬───────┐
 *     │ number │ verb │ session size │ key size   │ flags   │ modify index  │ session │ key │ value │
 *     │ u8     │ u8   │ u16          │ u32        │ u64     │ u64           │ utf-8   │     │ bytes │
 *     └────────┴──────┴──────────────┴────────────┴─────────┴───────────────┴─────────┴─────┴───────┘
 *
 * No session has size 0 and no index is 0: Consul tells neither from their absence. Where the verb's highest bit is set, fences
 * stand before the value: their size in a u32, and msgpack.
 */
export const kvCodec: CommandCodec<KvArgs> = {
  encode({ Op, DirEnt: { Key, Flags, Value, Session = '', ModifyIndex = 0 }, Fences }) {
    const fences = Fences === undefined ? nothing : encodeMsgpack(Fences)
    const sessionSizeBytes = Session === '' ? 0 : Buffer.byteLength(Session)
    const keySizeBytes = Buffer.byteLength(Key)
    assert(sessionSizeBytes < 0x10000, 'a session id is short')
    const keyAt = headSizeBytes + sessionSizeBytes
    const fencesAt = keyAt + keySizeBytes
    const valueAt = fencesAt + (Fences === undefined ? 0 : 4 + fences.length)
    const entry = Buffer.allocUnsafe(valueAt + Value.length)
    entry[1] = verbNumbers[Op] | (Fences === undefined ? 0 : fencedBit)
    entry.writeUInt16LE(sessionSizeBytes, 2)
    entry.writeUInt32LE(keySizeBytes, 4)
    writeUnsigned64(entry, Flags, 8)
    // A client may name any index; the largest safe one is as far from every real one.
    writeUnsigned64(entry, Math.min(ModifyIndex, Number.MAX_SAFE_INTEGER), 16)
    if (sessionSizeBytes > 0) entry.write(Session, headSizeBytes, sessionSizeBytes, 'utf8')
    entry.write(Key, keyAt, keySizeBytes, keySizeBytes === Key.length ? 'latin1' : 'utf8')
    if (Fences !== undefined) {
      entry.writeUInt32LE(fences.length, fencesAt)
      entry.set(fences, fencesAt + 4)
    }
    entry.set(Value, valueAt)
    return entry
  },

  decode(bytes) {
    const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const keyAt = headSizeBytes + entry.readUInt16LE(2)
    const fencesAt = keyAt + entry.readUInt32LE(4)
    const verb = entry.readUInt8(1)
    const isFenced = (verb & fencedBit) !== 0
    const valueAt = fencesAt + (isFenced ? 4 + entry.readUInt32LE(fencesAt) : 0)
    assert(valueAt <= entry.length, 'a key write holds its session, its key and its fences')
    const DirEnt = {
      Key: entry.toString('utf8', keyAt, fencesAt),
      Flags: readUnsigned64(entry, 8),
      // No copy: the state makes its own.
      Value: entry.subarray(valueAt),
      Session: entry.toString('utf8', headSizeBytes, keyAt),
      ModifyIndex: Number(readUnsigned64(entry, 16)),
    }
    const Op = must(verbsByNumber[verb & ~fencedBit], 'a verb that is known')
    if (!isFenced) return { Op, DirEnt }
    const Fences = decodeMsgpack(entry.subarray(fencesAt + 4, valueAt)) as readonly Fence[]
    return { Op, DirEnt, Fences }
  },
}

const headSizeBytes = 24
const fencedBit = 0x80
const nothing = new Uint8Array(0)

/** Numbers in the log: never reused or changed. */
const verbNumbers: Readonly<Record<KvWriteVerb, number>> = {
  set: 1,
  delete: 2,
  'delete-cas': 3,
  'delete-tree': 4,
  cas: 5,
  lock: 6,
  unlock: 7,
}

const verbsByNumber: readonly (KvWriteVerb | undefined)[] = [
  undefined,
  ...kvWriteVerbs.toSorted((a, b) => verbNumbers[a] - verbNumbers[b]),
]

function writeUnsigned64(entry: Buffer, value: Unsigned64, at: number): void {
  if (typeof value === 'bigint') {
    entry.writeBigUInt64LE(value, at)
    return
  }
  entry.writeUInt32LE(value % 2 ** 32, at)
  entry.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

function readUnsigned64(entry: Buffer, at: number): Unsigned64 {
  const high = entry.readUInt32LE(at + 4)
  return high < 2 ** 21
    ? high * 2 ** 32 + entry.readUInt32LE(at)
    : narrow(entry.readBigUInt64LE(at))
}
