import type { NodeId } from '../types.ts'
import { MalformedFrame, type ByteReader, type ByteWriter } from './bytes.ts'
import { beginFrame, frameKinds } from './frame.ts'

/**
 * How a connection begins. Who dialed says who he is, whom he believes to have reached, and what the connection is for; who
 * was dialed answers with a welcome, or says why not and closes. Nothing else is sent before the welcome.
 */
export interface Hello {
  readonly channel: Channel
  readonly clusterId: string
  readonly from: NodeId
  readonly to: NodeId
  /** Another at every start of the sender: what an earlier life of it said is over. */
  readonly bootEpoch: number
}

/**
 * Two connections between two servers, so that what is small and urgent (heartbeats, votes, answers) never waits behind what
 * is large (entries, snapshots).
 */
export type Channel = 'control' | 'bulk'

export const channels: readonly Channel[] = ['control', 'bulk']

/** The lengths of ids on disk (storage/format.ts). */
const idBytesMax = 64
const reasonCharsMax = 300

export function encodeHello(writer: ByteWriter, hello: Hello): void {
  const { bootEpoch, channel, clusterId, from, to } = hello
  const texts = [clusterId, from, to]
  const textBytes = texts.reduce((sum, text) => sum + 2 + Buffer.byteLength(text), 0)
  beginFrame(writer, frameKinds.hello, 14 + textBytes)
  writer.u32(magic)
  writer.u8(protocolVersion)
  writer.u8(channels.indexOf(channel))
  writer.u64(bootEpoch)
  for (const text of texts) writer.string(text)
}

/** A refusal of another version is a string; everything that makes no sense is thrown as MalformedFrame. */
export function decodeHello(body: ByteReader): Hello | string {
  if (body.u32() !== magic) throw new MalformedFrame('no greeting')
  const version = body.u8()
  if (version !== protocolVersion)
    return `version ${version} of the protocol is not spoken here, but version ${protocolVersion}`
  const channel = channels[body.u8()]
  if (channel === undefined) throw new MalformedFrame('a connection of no known kind')
  const bootEpoch = body.u64()
  const [clusterId, from, to] = [readName(body), readName(body), readName(body)]
  body.finish()
  return { channel, clusterId, from, to, bootEpoch }
}

export function encodeWelcome(writer: ByteWriter, bootEpoch: number): void {
  beginFrame(writer, frameKinds.welcome, 9)
  writer.u8(protocolVersion)
  writer.u64(bootEpoch)
}

/** The answering server's boot epoch. */
export function decodeWelcome(body: ByteReader): number {
  const version = body.u8()
  if (version !== protocolVersion) throw new MalformedFrame(`a welcome in version ${version}`)
  const bootEpoch = body.u64()
  body.finish()
  return bootEpoch
}

export function encodeRefusal(writer: ByteWriter, reason: string): void {
  const text = reason.slice(0, reasonCharsMax)
  beginFrame(writer, frameKinds.refusal, 2 + Buffer.byteLength(text))
  writer.string(text)
}

export function decodeRefusal(body: ByteReader): string {
  const reason = body.string().slice(0, reasonCharsMax)
  body.finish()
  return reason
}

/** `dialerMs` is the dialer's monotonic clock, sent back in the pong; 0 in a pong that answers no ping. */
export function encodeBeat(writer: ByteWriter, kind: 'ping' | 'pong', dialerMs: number): void {
  beginFrame(writer, frameKinds[kind], 8)
  writer.f64(dialerMs)
}

export function decodeBeat(body: ByteReader): number {
  const dialerMs = body.f64()
  body.finish()
  return dialerMs
}

const magic = 0x54465250 // "PRFT"
const protocolVersion = 1

function readName(body: ByteReader): string {
  const name = body.string()
  if (name === '' || Buffer.byteLength(name) > idBytesMax) throw new MalformedFrame('a bad name')
  return name
}
