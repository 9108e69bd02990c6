import type { KvEntry } from '../model/kv.ts'
import { narrow } from '../model/unsigned.ts'
import type { Unsigned64 } from '../model/unsigned.ts'
import { textOf } from './byte-string.ts'
import type { Packing } from './packed-rows.ts'

/**
 * An entry of the KV store behind its key. All numbers are little endian; what is absent has no bit and no bytes. Also the form in
 * snapshots: never change what a bit means.
 *
 *     ┌──────┬──────────────┬──────────────┬────────────┬───────┬───────────┬──────────────────────┬───────┐
 *     │ bits │ create index │ modify index │ lock index │ flags │ locked at │ session size and text│ value │
 *     │ u8   │ f64          │ f64          │ f64?       │ u64?  │ f64?      │ u16, utf-8?          │ bytes │
 *     └──────┴──────────────┴──────────────┴────────────┴───────┴───────────┴──────────────────────┴───────┘
 */
export const kvPacking: Packing<KvEntry> = {
  sizeOf({ Flags, LockedAt, LockIndex, Session, Value }) {
    let sizeBytes = headBytes + Value.length
    if (LockIndex !== 0) sizeBytes += 8
    if (Flags !== 0) sizeBytes += 8
    if (LockedAt !== undefined) sizeBytes += 8
    if (Session !== undefined) sizeBytes += 2 + Buffer.byteLength(Session)
    return sizeBytes
  },

  pack({ CreateIndex, Flags, LockedAt, LockIndex, ModifyIndex, Session, Value }, into, at) {
    let bits = 0
    into.writeDoubleLE(CreateIndex, at + 1)
    into.writeDoubleLE(ModifyIndex, at + 9)
    let next = at + headBytes
    if (LockIndex !== 0) {
      bits |= lockIndexBit
      next = into.writeDoubleLE(LockIndex, next)
    }
    if (Flags !== 0) {
      bits |= flagsBit
      next = into.writeBigUInt64LE(BigInt(Flags), next)
    }
    if (LockedAt !== undefined) {
      bits |= lockedAtBit
      next = into.writeDoubleLE(LockedAt, next)
    }
    if (Session !== undefined) {
      bits |= sessionBit
      const sizeBytes = into.write(Session, next + 2)
      into.writeUInt16LE(sizeBytes, next)
      next += 2 + sizeBytes
    }
    into.writeUInt8(bits, at)
    into.set(Value, next)
  },

  unpack(key, bytes, at, end) {
    const bits = bytes.readUInt8(at)
    let LockIndex = 0
    let Flags: Unsigned64 = 0
    let LockedAt: number | undefined
    let Session: string | undefined
    let next = at + headBytes
    if ((bits & lockIndexBit) !== 0) {
      LockIndex = bytes.readDoubleLE(next)
      next += 8
    }
    if ((bits & flagsBit) !== 0) {
      Flags = narrow(bytes.readBigUInt64LE(next))
      next += 8
    }
    if ((bits & lockedAtBit) !== 0) {
      LockedAt = bytes.readDoubleLE(next)
      next += 8
    }
    if ((bits & sessionBit) !== 0) {
      const sizeBytes = bytes.readUInt16LE(next)
      Session = bytes.toString('utf8', next + 2, next + 2 + sizeBytes)
      next += 2 + sizeBytes
    }
    const Value = Buffer.allocUnsafe(end - next)
    bytes.copy(Value, 0, next, end)
    return {
      LockIndex,
      Key: textOf(key),
      Flags,
      Value,
      ...(Session === undefined ? {} : { Session }),
      ...(LockedAt === undefined ? {} : { LockedAt }),
      CreateIndex: bytes.readDoubleLE(at + 1),
      ModifyIndex: bytes.readDoubleLE(at + 9),
    }
  },
}

const headBytes = 17
const lockIndexBit = 1
const flagsBit = 2
const lockedAtBit = 4
const sessionBit = 8
