import { PraetorError } from '../model/errors.ts'
import type { Chance } from '../runtime/chance.ts'
import type { KeyOutcome, KeyVerb } from './serf/events.ts'
import type { Keyring } from './wire/keyring.ts'
import { Nonces } from './wire/nonces.ts'
import type { Protection } from './wire/protection.ts'

export interface PoolKeysOptions {
  readonly keyring: Keyring
  readonly chance: Chance
  /** Whether what is not encrypted is refused. Off while a pool is moved to encryption. */
  readonly verifyIncoming: boolean
  readonly verifyOutgoing: boolean
  /** Keeps another keyring over a restart, before it is used. Rejects where that can't be done. */
  readonly persist: (keyring: Keyring) => Promise<void>
}

/** The keys that a pool talks under, and what operators do with them while it runs. */
export class PoolKeys {
  readonly #options: PoolKeysOptions
  readonly #nonces: Nonces
  #protection: Protection
  #keyring: Keyring
  #changing: Promise<unknown> = Promise.resolve()

  constructor(options: PoolKeysOptions) {
    this.#options = options
    this.#nonces = new Nonces((sizeBytes) => options.chance.bytes(sizeBytes))
    this.#keyring = options.keyring
    this.#protection = this.#under(options.keyring)
  }

  /** With the keys as they are now. */
  get protection(): Protection {
    return this.#protection
  }

  /** Does it, one after the other. Never rejects. */
  operate(verb: KeyVerb, key: Uint8Array): Promise<KeyOutcome> {
    const outcome = this.#changing.then(() => this.#operate(verb, key))
    this.#changing = outcome
    return outcome
  }

  async #operate(verb: KeyVerb, key: Uint8Array): Promise<KeyOutcome> {
    const keyring = this.#keyring
    if (verb === 'list') return { kind: 'listed', keys: keyring.keys, primary: keyring.primary }
    try {
      const next = changed(keyring, verb, key)
      if (next !== keyring) await this.#options.persist(next)
      this.#keyring = next
      this.#protection = this.#under(next)
      return { kind: 'done' }
    } catch (error) {
      const message =
        error instanceof PraetorError ? error.message : 'the keyring could not be kept'
      return { kind: 'failed', message }
    }
  }

  #under(keyring: Keyring): Protection {
    const { verifyIncoming, verifyOutgoing } = this.#options
    return {
      label: '',
      encryption: { keyring, nonces: this.#nonces, verifyIncoming, verifyOutgoing },
    }
  }
}

function changed(keyring: Keyring, verb: 'install' | 'use' | 'remove', key: Uint8Array): Keyring {
  if (verb === 'install') return keyring.with(key)
  return verb === 'use' ? keyring.using(key) : keyring.without(key)
}
