import { assert } from '../../model/assert.ts'
import { cipherOverheadBytes } from './cipher.ts'
import type { Keyring } from './keyring.ts'
import { messageType } from './message-type.ts'
import type { NonceSource } from './nonces.ts'
import { Refused } from './refusal.ts'

/** How a pool's bytes are told from those of others, and kept from them. */
export interface Protection {
  /** Who says another is not of this pool. At most 255 bytes; empty for none, as in Consul 1.8. It is no secret. */
  readonly label: string
  /** Null for a pool that talks in the clear. */
  readonly encryption: Encryption | null
}

export interface Encryption {
  readonly keyring: Keyring
  readonly nonces: NonceSource
  /** Whether what cannot be decrypted is refused, rather than taken as plain. Off while a pool is moved to encryption. */
  readonly verifyIncoming: boolean
  /** Whether what is sent is encrypted. Off in the first step of that move. */
  readonly verifyOutgoing: boolean
}

export const unprotected: Protection = { label: '', encryption: null }

/** What must be taken off a packet for labels, encryption and checksum. */
export function protectionOverheadBytes({ encryption, label }: Protection): number {
  const encrypted = encryption !== null && encryption.verifyOutgoing
  return labelHead(label).length + (encrypted ? cipherOverheadBytes[1] : 0) + checksumBytes
}

/** A checksum's type and 32 bits. */
export const checksumBytes = 5

/** What a labelled packet or stream begins with: nothing without a label. */
export function labelHead(label: string): Uint8Array {
  const bytes = labelBytes(label)
  if (bytes.length === 0) return bytes
  return Uint8Array.of(messageType.hasLabel, bytes.length, ...bytes)
}

export function labelBytes(label: string): Uint8Array {
  if (label === '') return nothing
  const bytes = Buffer.from(label)
  assert(bytes.length <= labelMaxBytes, 'a label has at most 255 bytes')
  return bytes
}

/**
 * Where the rest begins, after the label that must be there. Throws Refused: `labelTruncated` where more bytes are needed, which
 * in a stream may come.
 */
export function checkLabel(bytes: Uint8Array, label: string): number {
  if (bytes[0] !== messageType.hasLabel) {
    if (label !== '') throw new Refused('labelMismatch')
    return 0
  }
  const sizeBytes = bytes[1]
  if (sizeBytes === undefined) throw new Refused('labelTruncated')
  if (sizeBytes === 0) throw new Refused('labelEmpty')
  if (bytes.length < 2 + sizeBytes) throw new Refused('labelTruncated')
  if (Buffer.compare(bytes.subarray(2, 2 + sizeBytes), labelBytes(label)) !== 0)
    throw new Refused('labelMismatch')
  return 2 + sizeBytes
}

const labelMaxBytes = 255
const nothing: Uint8Array = Buffer.alloc(0)
