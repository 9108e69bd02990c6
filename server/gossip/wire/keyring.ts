import { type KeyObject, createSecretKey, timingSafeEqual } from 'node:crypto'

import { must } from '../../model/assert.ts'
import { PraetorError } from '../../model/errors.ts'

/**
 * The keys of a pool, by memberlist's rules: the first is the primary, which encrypts; every one of them may decrypt, tried in
 * order. A keyring never changes: installing, using and removing a key each give another.
 *
 * Keys are 16, 24 or 32 bytes, for AES-128, -192 and -256.
 */
export class Keyring {
  readonly keys: readonly Uint8Array[]
  /** The same, as node:crypto wants them. */
  readonly secrets: readonly KeyObject[]

  /** Throws PraetorError for a key of another size. A key that is given twice is there once. */
  static of(primary: Uint8Array, ...others: readonly Uint8Array[]): Keyring {
    let keyring = new Keyring([])
    for (const key of [primary, ...others]) keyring = keyring.with(key)
    return keyring
  }

  private constructor(keys: readonly Uint8Array[]) {
    this.keys = keys
    this.secrets = keys.map((key) => createSecretKey(key))
  }

  get primary(): Uint8Array {
    return must(this.keys[0], 'a keyring has a primary key')
  }

  has(key: Uint8Array): boolean {
    return this.keys.some((each) => isSameKey(each, key))
  }

  /** With one more, which only decrypts. The same keyring where it is there already. */
  with(key: Uint8Array): Keyring {
    if (![16, 24, 32].includes(key.length))
      throw new PraetorError('failed', 'key size must be 16, 24 or 32 bytes')
    return this.has(key) ? this : new Keyring([...this.keys, new Uint8Array(key)])
  }

  /** With that one as the primary. */
  using(key: Uint8Array): Keyring {
    const chosen = this.keys.find((each) => isSameKey(each, key))
    if (chosen === undefined)
      throw new PraetorError('failed', 'Requested key is not in the keyring')
    return new Keyring([chosen, ...this.keys.filter((each) => each !== chosen)])
  }

  /** Without that one. The same keyring where it isn't there, for then it need not go. */
  without(key: Uint8Array): Keyring {
    if (isSameKey(key, this.primary))
      throw new PraetorError('failed', 'Removing the primary key is not allowed')
    return this.has(key) ? new Keyring(this.keys.filter((each) => !isSameKey(each, key))) : this
  }
}

function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
