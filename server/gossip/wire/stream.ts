import { ByteQueue } from './byte-queue.ts'
import { decrypt, encrypt, encryptedBytes } from './cipher.ts'
import { compressed, decompressedOf, writeCompressed } from './compression.ts'
import { messageType } from './message-type.ts'
import type { StreamMessage } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { checkLabel, labelBytes, labelHead, type Protection } from './protection.ts'
import { type RefusalReason, Refused } from './refusal.ts'
import {
  attempt,
  encodeStreamMessage,
  type ParsedStream,
  type StreamLimits,
  StreamParser,
  streamLimits,
} from './stream-codec.ts'

/** Which end this is: who opens a stream says the label first, who accepts it answers without. */
export type StreamEnd = 'opened' | 'accepted'

/** What a stream said; or why it was not taken, and the stream is of no further use. */
export type OpenedStream = ParsedStream | { readonly refused: RefusalReason }

/** A message as all that is to be written to a stream. */
export function sealStream(
  message: StreamMessage,
  end: StreamEnd,
  { encryption, label }: Protection,
  { compress }: { readonly compress: boolean },
): Uint8Array {
  let bytes = encodeStreamMessage(message)
  if (compress) bytes = writeCompressed(bytes)
  if (encryption !== null && encryption.verifyOutgoing) {
    const head = frameHead(encryptedBytes(bytes.length, 1))
    const authenticated = Buffer.concat([head, labelBytes(label)])
    const nonce = encryption.nonces.next()
    bytes = Buffer.concat([head, encrypt(encryption.keyring, 1, nonce, bytes, authenticated)])
  }
  return end === 'opened' && label !== '' ? Buffer.concat([labelHead(label), bytes]) : bytes
}

/**
 * Reads the one message that comes on a stream, from pieces as the network cuts them. Nothing says how long a plain message is, and
 * its sender keeps the stream open for the answer: so the message is there when its last byte is, not when the stream ends.
 */
export class StreamReader {
  readonly #protection: Protection
  readonly #limits: StreamLimits
  readonly #bytes = new ByteQueue()
  readonly #parser: StreamParser
  #stage: 'label' | 'wrapping' | 'compressed' | 'message' | 'done'
  #receivedBytes = 0

  constructor(end: StreamEnd, protection: Protection, limits: StreamLimits = streamLimits) {
    this.#protection = protection
    this.#limits = limits
    this.#parser = new StreamParser(limits)
    this.#stage = end === 'accepted' ? 'label' : 'wrapping'
  }

  /** The stream's message as soon as all of it is there; undefined before, and for all that comes behind. Never throws. */
  push(chunk: Uint8Array): OpenedStream | undefined {
    if (this.#stage === 'done') return undefined
    try {
      this.#receivedBytes += chunk.length
      if (this.#receivedBytes > this.#limits.streamBytes) throw new Refused('tooLarge')
      this.#bytes.push(chunk)
      const parsed = this.#read()
      if (parsed !== undefined) this.#stage = 'done'
      return parsed
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return this.#refuse(error.reason)
    }
  }

  /** The stream has ended: a refusal where that was before its message did. */
  end(): OpenedStream | undefined {
    if (this.#stage === 'done') return undefined
    return this.#refuse(this.#receivedBytes === 0 ? 'empty' : 'truncated')
  }

  #refuse(reason: RefusalReason): OpenedStream {
    this.#stage = 'done'
    return { refused: reason }
  }

  #read(): ParsedStream | undefined {
    if (this.#bytes.length === 0) return undefined
    if (this.#stage === 'label') {
      if (!this.#passLabel()) return undefined
      this.#stage = 'wrapping'
    }
    if (this.#stage === 'wrapping') {
      const [type] = this.#bytes.view()
      if (type === undefined) return undefined
      if (type === messageType.encrypt) return this.#readEncrypted()
      if (this.#protection.encryption?.verifyIncoming === true) throw new Refused('notEncrypted')
      this.#stage = type === messageType.compress ? 'compressed' : 'message'
      if (type === messageType.compress) this.#bytes.drop(1)
    }
    if (this.#stage === 'message') return this.#parser.parse(this.#bytes)
    const wrapped = attempt(this.#bytes, this.#limits.frameBytes, compressed)
    return wrapped && this.#parseWhole(decompressedOf(wrapped, this.#limits.streamBytes))
  }

  /** False while more of the label must come. */
  #passLabel(): boolean {
    try {
      this.#bytes.drop(checkLabel(this.#bytes.view(), this.#protection.label))
      return true
    } catch (error) {
      if (error instanceof Refused && error.reason === 'labelTruncated') return false
      throw error
    }
  }

  #readEncrypted(): ParsedStream | undefined {
    const { encryption, label } = this.#protection
    if (encryption === null) throw new Refused('notDecryptable')
    const bytes = this.#bytes.view()
    if (bytes.length < frameHeadBytes) return undefined
    const sizeBytes = bytes.readUInt32BE(1)
    if (sizeBytes > this.#limits.frameBytes) throw new Refused('tooLarge')
    const end = frameHeadBytes + sizeBytes
    if (bytes.length < end) return undefined
    const head = bytes.subarray(0, frameHeadBytes)
    const authenticated = Buffer.concat([head, labelBytes(label)])
    const plain = decrypt(encryption.keyring, bytes.subarray(frameHeadBytes, end), authenticated)
    if (plain[0] !== messageType.compress) return this.#parseWhole(plain)
    const wrapped = compressed.read(new MsgpackReader(plain, 1))
    return this.#parseWhole(decompressedOf(wrapped, this.#limits.streamBytes))
  }

  #parseWhole(bytes: Buffer): ParsedStream {
    if (bytes.length === 0) throw new Refused('empty')
    const parsed = this.#parser.parse(new ByteQueue(bytes))
    if (parsed === undefined) throw new Refused('truncated')
    return parsed
  }
}

const frameHeadBytes = 5

/** A stream's ciphertext has its type and length before it, which are authenticated with it. */
function frameHead(sizeBytes: number): Buffer {
  const head = Buffer.allocUnsafe(frameHeadBytes)
  head[0] = messageType.encrypt
  head.writeUInt32BE(sizeBytes, 1)
  return head
}
