import { assert } from '../../model/assert.ts'

const bootIdBytes = 8
const countMax = 0xffff_ffff

/** Twelve bytes, good until the next call and never given before. */
export interface NonceSource {
  next(): Uint8Array
}

/**
 * Nonces for AES-GCM that never come twice: a boot id, 64 bits of chance, and a count of 32.
 *
 * Two packets under one key and one nonce would give away both and the key of the checksum. With 96 bits of chance for each packet
 * NIST allows 2^32 of them (SP 800-38D §8.3), which a fleet of five thousand that shares a key sends in half a day. Here chance is
 * taken once for each start of a node, and once more when the count is used up: a million starts meet with a chance of 2^-25.
 */
export class Nonces implements NonceSource {
  readonly #freshBytes: (sizeBytes: number) => Uint8Array
  readonly #nonce = Buffer.alloc(bootIdBytes + 4)
  #count: number

  /** The function gives as many bytes of chance as it is asked for. The first count is 0 but for tests. */
  constructor(freshBytes: (sizeBytes: number) => Uint8Array, firstCount = 0) {
    this.#freshBytes = freshBytes
    this.#count = firstCount - 1
    this.#takeBootId()
  }

  next(): Uint8Array {
    if (this.#count === countMax) {
      this.#takeBootId()
      this.#count = -1
    }
    this.#count += 1
    this.#nonce.writeUInt32BE(this.#count, bootIdBytes)
    return this.#nonce
  }

  #takeBootId(): void {
    const bootId = this.#freshBytes(bootIdBytes)
    assert(bootId.length === bootIdBytes, 'a boot id has eight bytes')
    this.#nonce.set(bootId)
  }
}
