import { PraetorError } from '../model/errors.ts'
import type { Shape } from './shape.ts'

/**
 * A moment as milliseconds since 1970; on the wire what Go's `time.Time.MarshalBinary` writes: a version, 64 bits of seconds since the
 * first of January of year 1, 32 of nanoseconds, and 16 of the zone's minutes, −1 for UTC. The zone changes nothing of the moment.
 */
export const goTime: Shape<number> = {
  toWire(ms) {
    const seconds = Math.floor(ms / 1000)
    const bytes = Buffer.alloc(sizeBytes)
    bytes[0] = version
    bytes.writeBigInt64BE(BigInt(seconds) + secondsTo1970, 1)
    bytes.writeInt32BE(Math.round((ms - seconds * 1000) * 1e6), 9)
    bytes.writeInt16BE(-1, 13)
    return bytes
  },
  fromWire(wire) {
    if (wire === undefined || wire === null) return -Number(secondsTo1970) * 1000
    // In the old spec bytes that happen to be UTF-8 come as text.
    const bytes = typeof wire === 'string' ? Buffer.from(wire, 'utf8') : wire
    if (!(bytes instanceof Uint8Array) || bytes.length !== sizeBytes || bytes[0] !== version)
      throw new PraetorError('bad-request', 'rpc: a time was expected')
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return Number(view.getBigInt64(1) - secondsTo1970) * 1000 + view.getInt32(9) / 1e6
  },
}

const version = 1
const sizeBytes = 15
const secondsTo1970 = 62_135_596_800n
