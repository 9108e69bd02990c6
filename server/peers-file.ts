import { readFile, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname } from 'node:path'

import { describeError, PraetorError } from './model/errors.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'
import { emptyMembership } from './raft/types.ts'
import type { Membership } from './raft/types.ts'

/**
 * `peers.json` in the directory of the log: who is to take part from now on, whatever the log says. An operator puts it there, on
 * every server that is left, when so many are lost for good that the others can't agree on anything any more:
 *
 *     [{"id": "adf4238a-882b-9ddc-4a9d-5b6758e4159e", "address": "10.0.0.1:8300", "non_voter": false}, …]
 *
 * Undefined where there is none. Rejects with a PraetorError in one plain sentence where it can't be meant.
 */
export async function readPeersFile(path: string, nodeId: string): Promise<Membership | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw mistaken(path, `can't be read: ${error.message}`)
  })
  return text === undefined ? undefined : membershipOf(path, parse(path, text), nodeId)
}

/** Durably: else the file would be found again, and the cluster that grew meanwhile be cut down to it. */
export async function removePeersFile(path: string): Promise<void> {
  await rm(path)
  await nodeDisk.syncDirectory(dirname(path))
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw mistaken(path, `is no JSON: ${describeError(error)}`)
  }
}

function membershipOf(path: string, parsed: unknown, nodeId: string): Membership {
  if (!Array.isArray(parsed)) throw mistaken(path, `must be a list of servers: ${example}`)
  const [voters, learners]: [string[], string[]] = [[], []]
  const addresses: Record<string, string> = {}
  for (const peer of parsed as readonly unknown[]) {
    const { id, address, isLearner } = peerOf(path, peer)
    if (Object.hasOwn(addresses, id)) throw mistaken(path, `names ${id} twice`)
    if (Object.values(addresses).includes(address)) throw mistaken(path, `has ${address} twice`)
    addresses[id] = address
    ;(isLearner ? learners : voters).push(id)
  }
  if (voters.length === 0) throw mistaken(path, 'names no server that votes')
  if (!Object.hasOwn(addresses, nodeId))
    throw mistaken(path, `does not name this server, ${nodeId}`)
  return { ...emptyMembership, voters, learners, addresses }
}

interface Peer {
  readonly id: string
  readonly address: string
  readonly isLearner: boolean
}

function peerOf(path: string, peer: unknown): Peer {
  // Consul's older form is a list of addresses, and the ids of their servers are anyone's guess.
  if (typeof peer !== 'object' || peer === null || Array.isArray(peer))
    throw mistaken(path, `must say of each server what it is: ${example}`)
  const { id, address, non_voter: isLearner = false, ...rest } = peer as Record<string, unknown>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw mistaken(path, `has a field ${unknown}, which is unknown`)
  if (typeof id !== 'string' || id === '')
    throw mistaken(path, `has a server without an id: ${example}`)
  if (typeof address !== 'string' || !isAddress(address))
    throw mistaken(path, `must have the IP address and port of ${id}: ${example}`)
  if (typeof isLearner !== 'boolean') throw mistaken(path, `must have true or false for non_voter`)
  return { id: id.toLowerCase(), address, isLearner }
}

const example =
  '[{"id":"adf4238a-882b-9ddc-4a9d-5b6758e4159e","address":"10.0.0.1:8300","non_voter":false}]'

function isAddress(text: string): boolean {
  const [, six, four, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const known = six === undefined ? isIP(four ?? '') === 4 : isIP(six) === 6
  return known && Number(port) > 0 && Number(port) < 65_536
}

function mistaken(path: string, how: string): PraetorError {
  return new PraetorError('failed', `${path} ${how}`)
}
