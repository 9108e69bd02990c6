import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { keepFile } from '../server/kept-file.ts'
import { PraetorError } from '../server/model/errors.ts'
import { describeFault, DiskFault } from '../server/raft/storage/disk-fault.ts'
import { makeDirectory } from '../server/raft/storage/node-disk.ts'
import type { Chance } from '../server/runtime/chance.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface NodeIdOptions {
  /** `''` for none, as with `-dev`. */
  readonly dataDir: string
  /** The id that the configuration asks for; `''` for none. */
  readonly configured: string
  readonly disableHostNodeId: boolean
  readonly chance: Chance
  /** Where the host says who it is. */
  readonly machineIdPath?: string
}

/**
 * Who this node is, over restarts and renames: the configured id, else the one kept beside the data, else the host's own (hashed, so
 * that the machine id is not told to the network) or a random one, which is then kept.
 */
export async function nodeId(options: NodeIdOptions): Promise<string> {
  const { dataDir, configured, chance, disableHostNodeId } = options
  if (configured !== '') {
    if (!uuid.test(configured))
      throw new PraetorError('failed', `specified NodeID is invalid: ${configured}`)
    const id = configured.toLowerCase()
    if (dataDir !== '') await keep(dataDir, id)
    return id
  }
  const kept = dataDir === '' ? undefined : await readKept(dataDir)
  if (kept !== undefined) return kept
  const host = disableHostNodeId
    ? undefined
    : await hostId(options.machineIdPath ?? '/etc/machine-id')
  const id = host ?? chance.uuid()
  if (dataDir !== '') await keep(dataDir, id)
  return id
}

async function readKept(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, 'node-id')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw notSetUp(new DiskFault('read', path, error))
  })
  if (text === undefined) return undefined
  const id = text.trim().toLowerCase()
  if (!uuid.test(id))
    throw new PraetorError('failed', `the node id in ${path} is not a UUID: ${id}`)
  return id
}

async function keep(dataDir: string, id: string): Promise<void> {
  try {
    await makeDirectory(dataDir, 0o755)
    await keepFile(join(dataDir, 'node-id'), id)
  } catch (error) {
    throw notSetUp(error)
  }
}

function notSetUp(error: unknown): PraetorError {
  return new PraetorError('failed', `Failed to setup node ID: ${describeFault(error)}`)
}

async function hostId(path: string): Promise<string | undefined> {
  const machine = await readFile(path, 'utf8').catch(() => '')
  if (machine.trim() === '') return undefined
  const hex = createHash('sha512').update(machine.trim()).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
}
