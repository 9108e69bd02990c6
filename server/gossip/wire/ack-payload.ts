import type { Coordinate } from '../../model/coordinate.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { Refused } from './refusal.ts'
import { double, list, struct } from './struct.ts'

/** Serf's word for the form of what acks carry. */
const pingVersion = 1
/** More than anybody measures in. */
const dimensionsMax = 64

const coordinate = struct({
  Vec: list(double, dimensionsMax),
  Error: double,
  Adjustment: double,
  Height: double,
})

/** Where a node stands, as its acks tell. */
export function encodeAckPayload(position: Coordinate): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(pingVersion)
  coordinate.write(writer, position)
  return writer.finish()
}

/** Undefined for an ack without one. Its numbers may be any, NaN included, and so may its dimensions. Throws Refused. */
export function decodeAckPayload(payload: Uint8Array): Coordinate | undefined {
  if (payload.length === 0) return undefined
  if (payload[0] !== pingVersion) throw new Refused('coordinateVersion')
  return coordinate.read(new MsgpackReader(payload, 1))
}
