import { open, readFile, rename, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import { describeError, PraetorError } from '../model/errors.ts'
import { Keyring } from './wire/keyring.ts'

/**
 * The keys of a pool over a restart, in the file and the form that Consul keeps them in: a JSON array of keys in base64, the primary
 * first. Keys that operators installed and removed while it ran count for more than the one in the configuration.
 */

/** The kept keyring, or undefined where none was kept. Rejects with a PraetorError where there is one that cannot be used. */
export async function readKeyring(path: string): Promise<Keyring | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new PraetorError('failed', `Failed to read the keyring ${path}: ${describeError(error)}`)
  }
  const keys = parseKeys(text)
  const [primary, ...others] = keys ?? []
  if (primary === undefined)
    throw new PraetorError('failed', `The keyring ${path} is not a list of keys in base64`)
  return Keyring.of(primary, ...others)
}

/** Keeps the keyring, or leaves the one that is there as it was. Nobody else may read it. */
export async function writeKeyring(path: string, keyring: Keyring): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const written = `${path}.new`
  {
    await using file = await open(written, 'w', 0o600)
    const keys = keyring.keys.map((key) => Buffer.from(key).toString('base64'))
    await file.writeFile(JSON.stringify(keys))
    await file.sync()
  }
  await rename(written, path)
}

function parseKeys(text: string): Uint8Array[] | undefined {
  try {
    const keys: unknown = JSON.parse(text)
    return Array.isArray(keys) && keys.every((key) => typeof key === 'string')
      ? keys.map((key) => new Uint8Array(Buffer.from(key, 'base64')))
      : undefined
  } catch {
    return undefined
  }
}
