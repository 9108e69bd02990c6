import { PraetorError } from '../model/errors.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Log } from '../runtime/log.ts'
import { readKeyring, writeKeyring } from './keyring-file.ts'
import type { KeyOutcome, KeyVerb } from './serf/events.ts'
import { Keyring } from './wire/keyring.ts'
import { Nonces } from './wire/nonces.ts'
import type { Protection } from './wire/protection.ts'

/** Under which keys a pool talks. */
export interface GossipEncryption {
  /** 16, 24 or 32 bytes; undefined where none is configured. */
  readonly key: Uint8Array | undefined
  /** Where keys are kept over a restart; undefined for nowhere. */
  readonly keyringPath: string | undefined
  /** Whether what is not encrypted is refused. Off while a pool is moved to encryption. */
  readonly verifyIncoming: boolean
  readonly verifyOutgoing: boolean
}

/**
 * The keys as they were kept, which operators may have changed since, or else the configured one, which is kept from now on. Null
 * without either, for a pool that talks in the clear. Rejects with a PraetorError where keys are kept that cannot be used.
 */
export async function openPoolKeys(
  { key, keyringPath, verifyIncoming, verifyOutgoing }: GossipEncryption,
  { chance, log }: { readonly chance: Chance; readonly log: Log },
): Promise<PoolKeys | null> {
  const persist = async (keyring: Keyring): Promise<void> => {
    if (keyringPath !== undefined) await writeKeyring(keyringPath, keyring)
  }
  const kept = keyringPath === undefined ? undefined : await readKeyring(keyringPath)
  const configured = key === undefined ? undefined : Keyring.of(key)
  const keyring = kept ?? configured
  if (keyring === undefined) return null
  if (kept === undefined) await persist(keyring)
  else if (key !== undefined && !kept.has(key))
    log.warn({}, "keyring doesn't include key provided with -encrypt, using keyring")
  return new PoolKeys({ keyring, chance, verifyIncoming, verifyOutgoing, persist })
}

export interface PoolKeysOptions {
  readonly keyring: Keyring
  readonly chance: Chance
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
