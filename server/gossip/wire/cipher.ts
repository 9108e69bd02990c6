import { createCipheriv, createDecipheriv } from 'node:crypto'

import { must } from '../../model/assert.ts'
import type { Keyring } from './keyring.ts'
import { Refused } from './refusal.ts'

/**
 * memberlist's encryption:
 *
 *   │ version u8 │ nonce, 12 bytes │ ciphertext │ tag, 16 bytes │      AES-GCM; version 0 pads the plaintext, version 1 doesn't
 *
 * The key is not named. What is authenticated beside it is the caller's: the label, and on a stream the frame around it.
 */
export type CipherVersion = 0 | 1

const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + nonceBytes
const blockBytes = 16

/** How much encrypting adds, at most. */
export const cipherOverheadBytes = {
  0: headBytes + blockBytes + tagBytes,
  1: headBytes + tagBytes,
} as const

export function encryptedBytes(plainBytes: number, version: CipherVersion): number {
  const padding = version === 0 ? blockBytes - (plainBytes % blockBytes) : 0
  return headBytes + plainBytes + padding + tagBytes
}

/** With the primary key. The nonce has twelve bytes and was never used under it before. */
export function encrypt(
  keyring: Keyring,
  version: CipherVersion,
  nonce: Uint8Array,
  plain: Uint8Array,
  authenticated: Uint8Array,
): Buffer {
  const secret = must(keyring.secrets[0], 'a keyring has a primary key')
  const cipher = createCipheriv(algorithmOf(secret.symmetricKeySize), secret, nonce)
  if (authenticated.length > 0) cipher.setAAD(authenticated)
  const result = Buffer.allocUnsafe(encryptedBytes(plain.length, version))
  result[0] = version
  result.set(nonce, 1)
  result.set(cipher.update(plain), headBytes)
  if (version === 0) {
    const padding = blockBytes - (plain.length % blockBytes)
    result.set(cipher.update(new Uint8Array(padding).fill(padding)), headBytes + plain.length)
  }
  cipher.final()
  result.set(cipher.getAuthTag(), result.length - tagBytes)
  return result
}

/** With the first key that fits. Throws Refused. */
export function decrypt(keyring: Keyring, bytes: Uint8Array, authenticated: Uint8Array): Buffer {
  const [version] = bytes
  if (version === undefined) throw new Refused('empty')
  if (version !== 0 && version !== 1) throw new Refused('encryptionVersion')
  if (bytes.length < encryptedBytes(0, version)) throw new Refused('ciphertextTruncated')
  const nonce = bytes.subarray(1, headBytes)
  const ciphertext = bytes.subarray(headBytes, bytes.length - tagBytes)
  const tag = bytes.subarray(bytes.length - tagBytes)
  for (const secret of keyring.secrets) {
    const decipher = createDecipheriv(
      algorithmOf(secret.symmetricKeySize),
      secret,
      nonce,
      gcmOptions,
    )
    decipher.setAuthTag(tag)
    if (authenticated.length > 0) decipher.setAAD(authenticated)
    const plain = decipher.update(ciphertext)
    if (isAuthentic(decipher)) return version === 0 ? withoutPadding(plain) : plain
  }
  throw new Refused('noKeyFits')
}

const gcmOptions = { authTagLength: tagBytes } as const

function algorithmOf(keyBytes: number | undefined): `aes-${128 | 192 | 256}-gcm` {
  return keyBytes === 32 ? 'aes-256-gcm' : keyBytes === 24 ? 'aes-192-gcm' : 'aes-128-gcm'
}

/** Whether the tag was right: node:crypto says no by throwing. */
function isAuthentic(decipher: { final(): Buffer }): boolean {
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}

/** PKCS #7 (RFC 5652 §6.3). The bytes are authentic, so a wrong padding is a wrong writer and tells an attacker nothing. */
function withoutPadding(plain: Buffer): Buffer {
  const padding = plain.at(-1) ?? 0
  const isPadding =
    padding > 0 &&
    padding <= blockBytes &&
    padding <= plain.length &&
    plain.subarray(plain.length - padding).every((byte) => byte === padding)
  if (!isPadding) throw new Refused('padding')
  return plain.subarray(0, plain.length - padding)
}
