import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { KeyVerb } from '../../../server/model/keyring.ts'
import { systemChance } from '../../../server/runtime/chance.ts'
import { everybody } from './acquaintance.ts'
import type { Expect } from './check.ts'
import type { MixedPool } from './mixed-pool.ts'
import { everyone, statusesOf, views } from './view.ts'
import { base64 } from './world.ts'

type Operate = (verb: KeyVerb, key: string) => Promise<unknown>

/** Each kind in turn replaces the key that all have, while the pool runs. Gives the key that all have then. */
export async function rotateKeys(
  mixed: MixedPool,
  expect: Expect,
  firstKey: Uint8Array,
): Promise<Uint8Array> {
  const { ours, serf, consul } = mixed
  const ways: readonly (readonly [string, Operate])[] = [
    ['Serf', (verb, key) => serf.run('keys', `-${verb}=${key}`)],
    ['us', (verb, key) => operateOurs(mixed, verb, key)],
    ['Consul', (verb, key) => operateConsul(mixed, verb, key)],
  ]
  let key = base64(firstKey)
  for (const [who, operate] of ways) {
    const next = base64(systemChance.bytes(32))
    await expect(`${who}: a key is installed`, true, () => succeeds(operate('install', next)))
    await expect(`${who}: and kept`, allKeep([key, next]), () => keptKeys(mixed))
    await expect(`${who}: and used`, true, () => succeeds(operate('use', next)))
    await expect(`${who}: the old one is removed`, true, () => succeeds(operate('remove', key)))
    await expect(`${who}: and not kept`, allKeep([next]), () => keptKeys(mixed))
    await expect(
      `${who}: we list what all have`,
      { keys: [[next, 6]], primary: [[next, 6]] },
      async () => {
        const tally = await ours.pool.operateKeyring('list', new Uint8Array(), 0)
        return { keys: [...tally.keys], primary: [...tally.primaryKeys] }
      },
    )
    await expect(`${who}: Serf lists what all have`, true, async () =>
      (await serf.run('keys', '-list')).replaceAll(/ +/g, ' ').includes(`${next} [6/6]`),
    )
    await expect(`${who}: Consul lists what all have`, { [next]: 6 }, async () => {
      const [pool] = (await consul.get('/v1/operator/keyring')) as readonly {
        readonly Keys: unknown
      }[]
      return pool?.Keys
    })
    key = next
  }
  const alive = Object.fromEntries(everybody.map((name) => [name, 'alive']))
  await expect('all list all as alive after that', everyone(mixed.all, alive), () =>
    views(mixed.all, statusesOf(everybody)),
  )
  return new Uint8Array(Buffer.from(key, 'base64'))
}

/** Without a key there is nothing to replace, and all say so alike. */
export async function findNoKeys({ ours }: MixedPool, expect: Expect): Promise<void> {
  for (const verb of ['list', 'install'] as const)
    await expect(`without keys all say the same to ${verb}`, [6, 1], async () => {
      const { errors, messages } = await ours.pool.operateKeyring(verb, new Uint8Array(32), 0)
      return [errors, new Set(messages.values()).size]
    })
}

async function operateOurs({ ours }: MixedPool, verb: KeyVerb, key: string): Promise<void> {
  const bytes = new Uint8Array(Buffer.from(key, 'base64'))
  const { error, messages } = await ours.pool.operateKeyring(verb, bytes, 1)
  if (error !== null) throw new Error(`${error}: ${[...messages].join()}`)
}

function operateConsul({ consul }: MixedPool, verb: KeyVerb, key: string): Promise<unknown> {
  const body = JSON.stringify({ Key: key })
  if (verb === 'install') return consul.post('/v1/operator/keyring', body)
  return verb === 'use'
    ? consul.put('/v1/operator/keyring', body)
    : consul.delete('/v1/operator/keyring', body)
}

async function succeeds(operation: Promise<unknown>): Promise<true> {
  await operation
  return true
}

/** The files of those who keep them. In which order the keys are that nobody uses is their own. */
async function keptKeys({ consul, serf, world }: MixedPool): Promise<Record<string, unknown>> {
  const ours = async (name: string): Promise<unknown> => {
    const text = await readFile(join(world.directory, `${name}.keyring`), 'utf8')
    return JSON.parse(text)
  }
  return {
    ours: await ours('ours'),
    'ours-2': await ours('ours-2'),
    serf: JSON.parse(await readFile(serf.keyringPath, 'utf8')),
    consul: await consul.keptKeys(),
  }
}

function allKeep(keys: readonly string[]): Record<string, unknown> {
  return { ours: keys, 'ours-2': keys, serf: keys, consul: keys }
}
