import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { compilePattern } from '../../../server/filter/pattern.ts'
import { splitJoinAddress } from '../../../server/gossip/join-address.ts'
import { readKeyring, writeKeyring } from '../../../server/gossip/keyring-file.ts'
import { lanAdmission } from '../../../server/gossip/lan-admission.ts'
import { openLivePool } from '../../../server/gossip/live-pool.ts'
import type { LivePool, LivePoolOptions } from '../../../server/gossip/live-pool.ts'
import { PoolKeys } from '../../../server/gossip/pool-keys.ts'
import { wanProfile } from '../../../server/gossip/pool-profile.ts'
import { wanAdmission } from '../../../server/gossip/wan-admission.ts'
import { Keyring } from '../../../server/gossip/wire/keyring.ts'
import type { RemoteState } from '../../../server/gossip/wire/messages.ts'
import { encodeTags } from '../../../server/gossip/wire/tags.ts'
import { memberStatus } from '../../../server/model/member.ts'
import { systemChance } from '../../../server/runtime/chance.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { freePort } from '../../support/agent-process.ts'
import { serverNamed } from '../../support/pool.ts'

interface Opened {
  readonly pool: LivePool
  readonly address: string
}

async function open(t: Test, name: string, more: Partial<LivePoolOptions> = {}): Promise<Opened> {
  const Port = await freePort()
  const nodeId = `id-${name}`
  const pool = await openLivePool({
    self: { ...serverNamed(name, nodeId), Port },
    bindAddress: '127.0.0.1',
    keys: null,
    clock: systemClock,
    chance: systemChance,
    log: noLog,
    metrics: noMetrics,
    compilePattern,
    admit: lanAdmission({ nodeName: name, nodeId, datacenter: 'dc1' }),
    ...more,
  })
  t.teardown(() => pool[Symbol.asyncDispose]())
  return { pool, address: `127.0.0.1:${Port}` }
}

/** Resolves when the pool sees its members so; tap's timeout says that it never did. */
function seen(pool: LivePool, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (view(pool) !== wanted) return
      unsubscribe()
      resolve()
    }
    const unsubscribe = pool.onChange(look)
    look()
  })
}

function view(pool: LivePool): string {
  const names = Object.entries(memberStatus)
  return pool
    .members()
    .map(({ Name, Status }) => `${Name} ${names.find(([, status]) => status === Status)?.[0]}`)
    .join(', ')
}

t.test('three find each other, tell their tags, and tell who leaves from who fails', async (t) => {
  const a = await open(t, 'a')
  const b = await open(t, 'b')
  const c = await open(t, 'c')
  t.equal(await b.pool.join([a.address]), 1)
  t.equal(await c.pool.join(['127.0.0.1:1', b.address]), 1)
  for (const { pool } of [a, b, c]) await seen(pool, 'a alive, b alive, c alive')

  const told = new Promise<void>((resolve) => {
    a.pool.onChange(() => {
      if (a.pool.members()[1]?.Tags['color'] === 'red') resolve()
    })
  })
  b.pool.setTags({ role: 'consul', dc: 'dc1', color: 'red' })
  await told
  t.strictSame(a.pool.members()[1]?.Tags, { color: 'red', dc: 'dc1', role: 'consul' })

  await b.pool.leave()
  await seen(a.pool, 'a alive, b left, c alive')
  await b.pool[Symbol.asyncDispose]()
  await c.pool[Symbol.asyncDispose]()
  await seen(a.pool, 'a alive, b left, c failed')
  t.equal(a.pool.forceLeave('nobody'), false)
  t.equal(a.pool.forceLeave('c'), true)
  await seen(a.pool, 'a alive, b left, c left')
})

t.test('who joins nobody is told why, in the words of Consul', async (t) => {
  const a = await open(t, 'a')
  t.equal(await a.pool.join([]), 0)
  await t.rejects(a.pool.join(['127.0.0.1:1', 'nowhere.invalid']), {
    kind: 'failed',
    message:
      '2 errors occurred:\n' +
      '\t* Failed to resolve nowhere.invalid: lookup nowhere.invalid: no such host\n' +
      '\t* Failed to join 127.0.0.1: dial tcp 127.0.0.1:1: connect: connection refused\n\n',
  })
})

t.test('a data centre keeps the members of another out', async (t) => {
  const a = await open(t, 'a')
  const admit = lanAdmission({ nodeName: 'b', nodeId: 'id-b', datacenter: 'dc2' })
  const self = serverNamed('b', 'id-b')
  const Port = await freePort()
  const b = await open(t, 'b', {
    self: { ...self, Port, Tags: { ...self.Tags, dc: 'dc2' } },
    admit,
  })
  await t.rejects(
    b.pool.join([a.address]),
    /Failed to join 127.0.0.1: Member 'b' part of wrong datacenter 'dc2'/,
  )
  t.equal(view(a.pool), 'a alive')
  t.equal(view(b.pool), 'b alive')
})

t.test('a pool under a key is closed to those without it', async (t) => {
  const keys = (fill: number): PoolKeys =>
    new PoolKeys({
      keyring: Keyring.of(new Uint8Array(32).fill(fill)),
      chance: systemChance,
      verifyIncoming: true,
      verifyOutgoing: true,
      persist: () => Promise.resolve(),
    })
  const a = await open(t, 'a', { keys: keys(1) })
  const b = await open(t, 'b', { keys: keys(1) })
  const stranger = await open(t, 'x', { keys: keys(2) })
  const open_ = await open(t, 'y')
  t.equal(await b.pool.join([a.address]), 1)
  await seen(a.pool, 'a alive, b alive')
  await t.rejects(stranger.pool.join([a.address]))
  await t.rejects(open_.pool.join([a.address]))
  t.equal(view(a.pool), 'a alive, b alive')
})

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

t.test('events and questions go to everybody, and answers to whoever asked', async (t) => {
  const a = await open(t, 'a')
  const b = await open(t, 'b')
  await b.pool.join([a.address])
  const heard = new Promise<string>((resolve) => {
    const unsubscribe = b.pool.onEvent(({ name, payload }) => {
      unsubscribe()
      resolve(`${name}: ${Buffer.from(payload).toString()}`)
    })
  })
  a.pool.fire({ name: 'deploy', payload: bytes('42') })
  t.equal(await heard, 'deploy: 42')
  t.throws(() => a.pool.fire({ name: 'deploy', payload: new Uint8Array(512) }), /exceeds/)

  const question = { filters: [], wantsAck: true, relayFactor: 0, timeoutMs: 1_000 }
  b.pool.onQuery(() => undefined)
  b.pool.onQuery(({ name, payload, from }) =>
    name === 'load' ? bytes(`${Buffer.from(payload).toString()} ${from}`) : new Uint8Array(2_000),
  )
  const { acks, answers } = await a.pool.query({ ...question, name: 'load', payload: bytes('hi') })
  t.strictSame([...acks].toSorted(), ['a', 'b'])
  t.strictSame([...answers].map(String), [`b,${String(bytes('hi a'))}`])
  const tooLong = await a.pool.query({ ...question, name: 'long', payload: bytes('') })
  t.strictSame([tooLong.acks.size, tooLong.answers.size], [2, 0])
  await t.rejects(
    a.pool.query({ ...question, name: 'load', payload: new Uint8Array(2_000) }),
    /query exceeds limit/,
  )

  const cut = a.pool.query({ ...question, name: 'load', payload: bytes('hi'), timeoutMs: 60_000 })
  await a.pool[Symbol.asyncDispose]()
  t.ok((await cut).acks.has('a'), 'a pool that closes gives what it has')
})

t.test('members are asked about keys, and one that failed can be forgotten', async (t) => {
  const keysOf = (): PoolKeys =>
    new PoolKeys({
      keyring: Keyring.of(new Uint8Array(16)),
      chance: systemChance,
      verifyIncoming: true,
      verifyOutgoing: true,
      persist: () => Promise.resolve(),
    })
  const a = await open(t, 'a', { keys: keysOf() })
  const b = await open(t, 'b', { keys: keysOf() })
  await b.pool.join([a.address])
  await seen(a.pool, 'a alive, b alive')
  const installed = await a.pool.operateKeyring('install', new Uint8Array(32), 0)
  t.match(installed, { nodes: 2, answers: 2, errors: 0, error: null })
  const { keys } = await b.pool.operateKeyring('list', new Uint8Array(), 0)
  t.strictSame([...keys.values()], [2, 2])
  t.equal(b.pool.suspicionLevel('a'), 0)
  t.equal(b.pool.healthScore(), 0)
  t.match(b.pool.status(), { members: 2, failed: 0 })
  await b.pool[Symbol.asyncDispose]()
  await seen(a.pool, 'a alive, b failed')
  t.equal(a.pool.forceLeave('b', { prune: true }), true)
  await seen(a.pool, 'a alive')
})

t.test(
  'members that are given without a port have ours, and describe themselves as they like',
  async (t) => {
    const profile = wanProfile
    const a = await open(t, 'a.dc1', { profile, admit: wanAdmission })
    const port = a.pool.members()[0]?.Port ?? 0
    t.equal(await a.pool.join(['127.0.0.1']), 1, 'we are there ourselves')
    t.equal(await a.pool.join([`127.0.0.1:${port}`]), 1)
    const client = await open(t, 'b', { admit: () => null })
    client.pool.setTags({ role: 'node', dc: 'dc1' })
    await t.rejects(client.pool.join([a.address]), /Member 'b' is not a server/)
    t.equal(view(a.pool), 'a.dc1 alive')
    t.equal(a.pool.coordinateOf('b'), null)
    t.equal(a.pool.coordinate().Vec.length, 8)
  },
)

t.test('keys are installed, used and removed one after the other, and kept first', async (t) => {
  const [one, two] = [1, 2].map((fill) => new Uint8Array(16).fill(fill))
  const kept: number[] = []
  let isDiskFull = false
  const keys = new PoolKeys({
    keyring: Keyring.of(one ?? new Uint8Array()),
    chance: systemChance,
    verifyIncoming: true,
    verifyOutgoing: true,
    persist(keyring) {
      if (isDiskFull) return Promise.reject(new Error('ENOSPC'))
      kept.push(keyring.keys.length)
      return Promise.resolve()
    },
  })
  const two_ = two ?? new Uint8Array()
  t.match(await keys.operate('use', two_), { kind: 'failed', message: /not in the keyring/ })
  const both = await Promise.all([keys.operate('install', two_), keys.operate('use', two_)])
  t.match(both, [{ kind: 'done' }, { kind: 'done' }])
  t.match(await keys.operate('list', new Uint8Array()), { kind: 'listed', primary: two_ })
  isDiskFull = true
  t.match(await keys.operate('remove', one ?? new Uint8Array()), { kind: 'failed' })
  t.equal(keys.protection.encryption?.keyring.keys.length, 2, 'what was not kept is not done')
  t.strictSame(kept, [2, 2])
})

t.test('a keyring is kept as Consul keeps it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'serf/local.keyring')
  t.equal(await readKeyring(path), undefined)
  await writeKeyring(path, Keyring.of(new Uint8Array(16), new Uint8Array(16).fill(1)))
  t.equal(await readFile(path, 'utf8'), '["AAAAAAAAAAAAAAAAAAAAAA==","AQEBAQEBAQEBAQEBAQEBAQ=="]')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.equal((await readKeyring(path))?.keys.length, 2)
  for (const text of ['{}', '[', '[]', '[1]']) {
    await writeFile(path, text)
    await t.rejects(readKeyring(path), /is not a list of keys/)
  }
  await writeFile(path, '["AA=="]')
  await t.rejects(readKeyring(path), /key size must be 16, 24 or 32 bytes/)
})

t.test('an address to join is a name or a literal, with or without a port', (t) => {
  const cases: Readonly<Record<string, { host: string; port: number }>> = {
    'a.b': { host: 'a.b', port: 8301 },
    'a.b:1': { host: 'a.b', port: 1 },
    '10.0.0.1:1': { host: '10.0.0.1', port: 1 },
    '[::1]:1': { host: '::1', port: 1 },
    '[::1]': { host: '::1', port: 8301 },
    '::1': { host: '::1', port: 8301 },
    'fe80::2:1': { host: 'fe80::2:1', port: 8301 },
    ':1': { host: '', port: 1 },
  }
  for (const [text, expected] of Object.entries(cases))
    t.strictSame(splitJoinAddress(text, 8301), expected, text)
  t.end()
})

/** What begins like tags and is none. */
const unreadable = Uint8Array.of(0xff, 0xc1)

t.test('who may be in the pool of a data centre', (t) => {
  const admit = lanAdmission({ nodeName: 'a', nodeId: '1', datacenter: 'dc1' })
  const state = (node: string, id: string, more: Partial<RemoteState> = {}): RemoteState => ({
    node,
    address: { host: '10.0.0.1', port: 8301 },
    meta: encodeTags({ role: 'node', dc: 'dc1', id }),
    incarnation: 1,
    state: 'alive',
    versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] },
    ...more,
  })
  t.equal(admit([state('a', '1'), state('b', '2'), state('c', '')]), null)
  t.equal(admit([state('b', '1')]), "Member 'b' has conflicting node ID '1' with this agent's ID")
  t.equal(admit([state('b', '1', { state: 'left' })]), null)
  t.equal(
    admit([state('b', '2'), state('c', '2')]),
    "Member 'c' has conflicting node ID '2' with member 'b'",
  )
  t.equal(
    admit([state('d', '4', { meta: encodeTags({ role: 'node', dc: 'dc1', segment: 's' }) })]),
    "Member 'd' part of wrong segment 's' (expected '')",
  )
  t.equal(admit([state('e', '', { meta: unreadable })]), null, 'it has no tags')
  const elsewhere = { meta: encodeTags({ role: 'consul', dc: 'dc2' }) }
  t.equal(admit([state('d', '', elsewhere)]), "Member 'd' part of wrong datacenter 'dc2'")
  t.end()
})

t.test('only servers may be in the pool between data centres', (t) => {
  const server = serverNamed('a.dc1', '1').Tags
  const admit = (tags: Readonly<Record<string, string>>): string | null =>
    wanAdmission([
      {
        node: 'b.dc2',
        address: { host: '10.0.0.1', port: 8302 },
        meta: encodeTags(tags),
        incarnation: 1,
        state: 'alive',
        versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] },
      },
    ])
  const refused = "Member 'b.dc2' is not a server"
  t.equal(admit({ ...server, dc: 'dc2' }), null)
  for (const changed of [
    { role: 'node' },
    { port: '' },
    { vsn: 'x' },
    { build: 'unknown' },
    { expect: 'three' },
    { ft_fs: '' },
    { wan_join_port: '' },
  ])
    t.equal(admit({ ...server, ...changed }), refused, JSON.stringify(changed))
  t.equal(admit({}), refused)
  t.end()
})
