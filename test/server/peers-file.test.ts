import { access, mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { readPeersFile, removePeersFile } from '../../server/peers-file.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import { diskDoor } from '../../server/storage.ts'
import { VirtualClock } from '../support/clock.ts'

const own = 'adf4238a-882b-9ddc-4a9d-5b6758e4159e'
const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const path = join(directory, 'peers.json')

async function read(content: unknown) {
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return readPeersFile(path, own)
}

t.test('no file is nobody to force', async (t) => {
  t.equal(await readPeersFile(join(directory, 'none.json'), own), undefined)
})

t.test('servers of both kinds are members', async (t) => {
  t.strictSame(
    await read([
      { id: own.toUpperCase(), address: '10.0.0.1:8300' },
      { id: 'two', address: '[::1]:8300', non_voter: true },
      { id: 'three', address: '10.0.0.3:8300', non_voter: false },
    ]),
    {
      ...emptyMembership,
      voters: [own, 'three'],
      learners: ['two'],
      addresses: { [own]: '10.0.0.1:8300', two: '[::1]:8300', three: '10.0.0.3:8300' },
    },
  )
  await removePeersFile(path)
  t.equal(await readPeersFile(path, own), undefined)
})

const self = { id: own, address: '10.0.0.1:8300' }
const mistakes: readonly [unknown, RegExp][] = [
  ['[', /^\S*peers\.json is no JSON: /],
  ['', /is no JSON/],
  [{}, /must be a list of servers: \[\{"id":/],
  [['10.0.0.1:8300'], /must say of each server what it is: \[\{"id":/],
  [[self, null], /must say of each server what it is/],
  [[], /names no server that votes/],
  [[{ ...self, non_voter: true }], /names no server that votes/],
  [[{ id: 'other', address: '10.0.0.2:8300' }], /does not name this server, adf4238a-/],
  [[self, self], /names adf4238a-\S+ twice/],
  [[self, { id: 'other', address: '10.0.0.1:8300' }], /has 10\.0\.0\.1:8300 twice/],
  [[{ ...self, voter: true }], /has a field voter, which is unknown/],
  [[{ address: '10.0.0.1:8300' }], /has a server without an id/],
  [[{ id: own }], /must have the IP address and port of adf4238a-/],
  [[{ ...self, address: 'host:8300' }], /must have the IP address and port/],
  [[{ ...self, address: '10.0.0.1' }], /must have the IP address and port/],
  [[{ ...self, address: '10.0.0.1:70000' }], /must have the IP address and port/],
  [[{ ...self, address: '::1:8300' }], /must have the IP address and port/],
  [[{ ...self, non_voter: 'no' }], /must have true or false for non_voter/],
]

for (const [content, message] of mistakes)
  t.test(`${JSON.stringify(content)} is refused in one sentence`, async (t) => {
    await t.rejects(read(content), { name: 'PraetorError', message })
  })

t.test('a directory in its place is told of', async (t) => {
  await t.rejects(readPeersFile(directory, own), { message: /can't be read: / })
})

const door = (dataDir: string) =>
  diskDoor({
    dataDir,
    nodeId: own,
    clock: new VirtualClock(),
    log: noLog,
    metrics: noMetrics,
    fatal(error) {
      throw error
    },
  })

t.test('a server that was never in a cluster has none to recover', async (t) => {
  const dataDir = join(directory, 'new')
  await mkdir(join(dataDir, 'raft'), { recursive: true })
  await writeFile(join(dataDir, 'raft/peers.json'), JSON.stringify([self]))
  await t.rejects(door(dataDir).founded(), {
    message: /peers\.json is there, but this server was never part of a cluster/,
  })
})

t.test('the file is there until its membership is in the log', async (t) => {
  const dataDir = join(directory, 'old')
  const file = join(dataDir, 'raft/peers.json')
  const founded = { clusterId: 'c1', founders: undefined }
  await door(dataDir).keepFounded(founded)
  await writeFile(file, JSON.stringify([self]))
  t.strictSame(await door(dataDir).founded(), founded)
  const { forced, logStore } = await door(dataDir).open('c1')
  t.strictSame(forced?.membership.voters, [own])
  t.match(await readFile(file, 'utf8'), own)
  await forced?.done()
  await t.rejects(access(file))
  await logStore[Symbol.asyncDispose]()
})
