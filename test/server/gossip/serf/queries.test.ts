import t from 'tap'

import { queryTimeoutMs, serfLan } from '../../../../server/gossip/serf/config.ts'
import type {
  KeyOutcome,
  KeyVerb,
  Question,
  SerfCommand,
} from '../../../../server/gossip/serf/events.ts'
import type { SwimMember } from '../../../../server/gossip/swim/events.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import type { Address, RemoteState } from '../../../../server/gossip/wire/messages.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import type { Query, QueryFilter } from '../../../../server/gossip/wire/serf-messages.ts'
import { must } from '../../../../server/model/assert.ts'
import { PraetorError } from '../../../../server/model/errors.ts'
import { heard, lastSent, memberOf, SerfPool } from '../../../support/serf-pool.ts'
import type { SerfNode } from '../../../support/serf-pool.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString()

const question = (given: Partial<Question> = {}): SerfCommand => ({
  kind: 'query',
  ticket: 1,
  question: {
    name: 'load',
    payload: bytes('?'),
    filters: [],
    wantsAck: false,
    relayFactor: 0,
    timeoutMs: null,
    ...given,
  },
})

/** Everybody who was asked answers with their own name, and those who do not are left out. */
function answerAll(pool: SerfPool, nodes: readonly SerfNode[]): void {
  for (const node of nodes)
    for (const { query } of heard(node, 'query').slice(-1))
      pool.command(node, { kind: 'respond', query, payload: bytes(`I am ${node.name}`) })
}

const answersTo = (node: SerfNode): string[] =>
  heard(node, 'queryAnswered').map(({ from, payload }) => `${from}: ${textOf(payload)}`)

t.test('a query reaches everybody, and their answers whoever asked', async (t) => {
  const pool = new SerfPool()
  const nodes = pool.addAll(['a', 'b', 'c'])
  const a = must(nodes[0], 'a')
  pool.command(a, question({ wantsAck: true }))
  t.match(heard(must(nodes[1], 'b'), 'query'), [{ name: 'load', payload: bytes('?'), from: 'a' }])
  t.strictSame(
    heard(a, 'queryAcked')
      .map(({ from }) => from)
      .toSorted(),
    ['a', 'b', 'c'],
  )
  answerAll(pool, nodes)
  t.strictSame(answersTo(a).toSorted(), ['a: I am a', 'b: I am b', 'c: I am c'])
  t.strictSame(heard(a, 'queryDone'), [])
  pool.advance(queryTimeoutMs(serfLan, 3))
  t.strictSame(heard(a, 'queryDone'), [{ kind: 'queryDone', ticket: 1 }])
})

t.test('the time for answers grows with every decimal place of the pool', async (t) => {
  const times: readonly [members: number, ms: number][] = [
    [1, 3_200],
    [9, 3_200],
    [10, 6_400],
    [99, 6_400],
    [100, 9_600],
    [9_999, 12_800],
  ]
  for (const [members, ms] of times) t.equal(queryTimeoutMs(serfLan, members), ms, String(members))
})

t.test('only those are asked for whom all filters hold', async (t) => {
  const cases: readonly [filters: readonly QueryFilter[], asked: readonly string[]][] = [
    [[], ['a', 'b', 'c']],
    [[{ kind: 'nodes', nodes: ['c', 'a'] }], ['a', 'c']],
    [[{ kind: 'tag', tag: 'role', expression: '^we' }], ['a', 'b']],
    [[{ kind: 'tag', tag: 'role', expression: 'b$' }], ['a', 'b', 'c']],
    [[{ kind: 'tag', tag: 'none', expression: '^$' }], ['a', 'b', 'c']],
    [[{ kind: 'tag', tag: 'role', expression: '(' }], []],
    [
      [
        { kind: 'nodes', nodes: ['b', 'c'] },
        { kind: 'tag', tag: 'role', expression: 'web' },
      ],
      ['b'],
    ],
    [[{ kind: 'unknown', bytes: Uint8Array.of(9, 1) }], []],
  ]
  for (const [filters, asked] of cases) {
    const pool = new SerfPool()
    const [a, b] = [
      pool.add('a', { tags: { role: 'web' } }),
      pool.add('b', { tags: { role: 'web' } }),
    ]
    const c = pool.add('c', { tags: { role: 'db' } })
    for (const node of [b, c]) pool.join(node, a)
    pool.command(a, question({ filters, wantsAck: true }))
    const heardIt = [a, b, c].filter((node) => heard(node, 'query').length > 0)
    t.strictSame(
      heardIt.map(({ name }) => name),
      asked,
      JSON.stringify(filters),
    )
    t.equal(heard(a, 'queryAcked').length, asked.length)
  }
})

t.test('an answer counts once, in time, from a member, and for its own query', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, question({ timeoutMs: 1000 }))
  const { query: handle } = must(heard(b, 'query')[0], 'b was asked')
  pool.weather = { loss: 0, duplication: 1, reordering: false }
  pool.command(b, { kind: 'respond', query: handle, payload: bytes('first') })
  t.throws(() => pool.command(b, { kind: 'respond', query: handle, payload: bytes('second') }), {
    message: 'response already sent, or past the deadline',
  })
  const real = lastSent(b, 'queryResponse')
  for (const forged of [
    { ...real, from: 'stranger' },
    { ...real, from: 'a', id: real.id + 1 },
    { ...real, from: 'a', time: real.time + 1 },
  ])
    pool.tell(a, { kind: 'user', from: b.address, body: encodeSerfMessage(forged) })
  t.strictSame(answersTo(a), ['b: first'])
  pool.advance(1000)
  pool.tell(a, { kind: 'user', from: b.address, body: encodeSerfMessage({ ...real, from: 'a' }) })
  t.strictSame(answersTo(a), ['b: first'])
})

t.test('an answer that is too late or too long is refused', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, question({ timeoutMs: 1000 }))
  const { query } = must(heard(b, 'query')[0], 'b was asked')
  t.throws(() => pool.command(b, { kind: 'respond', query, payload: new Uint8Array(1024) }), {
    message: 'response exceeds limit of 1024 bytes',
  })
  pool.command(b, { kind: 'respond', query, payload: new Uint8Array(900) })
  pool.command(a, question({ timeoutMs: 1000 }))
  pool.advance(1001)
  const late = must(heard(b, 'query')[1], 'b was asked again').query
  t.throws(
    () => pool.command(b, { kind: 'respond', query: late, payload: bytes('x') }),
    PraetorError,
  )
})

t.test('a query that is too long is refused, and too many at once', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a', { config: { askedQueriesMax: 2 } })
  t.throws(() => pool.command(a, question({ payload: new Uint8Array(1024) })), {
    message: 'query exceeds limit of 1024 bytes',
  })
  t.equal(a.core.status().clocks.query, 1)
  for (const _ of [1, 2]) pool.command(a, question())
  t.throws(() => pool.command(a, question()), { message: 'more than 2 queries at once' })
  pool.advance(10_000)
  t.doesNotThrow(() => pool.command(a, question()))
})

t.test('of too many unanswered queries the oldest goes unanswered', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b'], { config: { openQueriesMax: 2 } }) as [SerfNode, SerfNode]
  for (const _ of [1, 2, 3]) pool.command(a, question())
  const respond = (at: number) => () =>
    pool.command(b, {
      kind: 'respond',
      query: must(heard(b, 'query')[at], 'a query').query,
      payload: bytes('x'),
    })
  t.throws(respond(0), PraetorError)
  t.doesNotThrow(respond(1))
  t.doesNotThrow(respond(2))
})

t.test('answers come by other ways too, where that was wished', async (t) => {
  const pool = new SerfPool()
  const nodes = pool.addAll(['a', 'b', 'c', 'd'])
  const [a, b] = nodes as [SerfNode, SerfNode]
  pool.command(a, question({ relayFactor: 2 }))
  b.commands.splice(0)
  answerAll(pool, [b])
  const to = b.commands.map((command) => (command.kind === 'sendUser' ? command.to.host : ''))
  t.strictSame(to.toSorted(), ['10.0.0.1', '10.0.0.3', '10.0.0.4'])
  t.strictSame(answersTo(a), ['b: I am b'], 'and count once')
})

t.test(
  'nobody relays who could not, and nothing is relayed in a pool that is hardly larger',
  async (t) => {
    const small = new SerfPool()
    const [a, b] = small.addAll(['a', 'b']) as [SerfNode, SerfNode]
    small.command(a, question({ relayFactor: 3 }))
    b.commands.splice(0)
    answerAll(small, [b])
    t.equal(b.commands.length, 1)
    const old = new SerfPool()
    const nodes = old.addAll(['a', 'b', 'c', 'd'], { protocolMax: 4 })
    old.command(must(nodes[0], 'a'), question({ relayFactor: 1 }))
    nodes[1]?.commands.splice(0)
    answerAll(old, nodes.slice(1, 2))
    t.equal(nodes[1]?.commands.length, 1)
  },
)

t.test('nobody can aim our answers, or what we relay, at a stranger', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  const query: Query = {
    kind: 'query',
    time: 50,
    id: 1,
    source: { host: '192.0.2.1', port: 53 },
    sourceNode: 'a',
    filters: [],
    wantsAck: true,
    noBroadcast: false,
    relayFactor: 1,
    timeoutMs: 1000,
    name: '_serf_ping',
    payload: bytes(''),
  }
  b.commands.splice(0)
  pool.tell(b, { kind: 'user', from: a.address, body: encodeSerfMessage(query) })
  t.strictSame(
    b.commands.map(({ kind }) => kind),
    ['broadcast'],
    'it is only passed on',
  )
  const response = encodeSerfMessage({
    kind: 'queryResponse',
    time: 1,
    id: 1,
    from: 'a',
    isAck: false,
    payload: bytes('x'),
  })
  const event = encodeSerfMessage({
    kind: 'userEvent',
    time: 1,
    name: 'x',
    coalesce: false,
    payload: bytes('x'),
  })
  const relays: readonly [what: string, to: typeof a.address, body: Uint8Array, isSent: boolean][] =
    [
      ['an answer to a member', a.address, response, true],
      ['an answer to a stranger', query.source, response, false],
      ['something else to a member', a.address, event, false],
    ]
  for (const [what, to, body, isSent] of relays) {
    b.commands.splice(0)
    const relay = encodeSerfMessage({ kind: 'relay', to, toNode: 'a', body })
    pool.tell(b, { kind: 'user', from: a.address, body: relay })
    t.equal(b.commands.length, isSent ? 1 : 0, what)
  }
})

t.test('a query that is not to be passed on is not', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, question())
  const query = lastSent(a, 'query')
  b.commands.splice(0)
  const body = encodeSerfMessage({ ...query, id: 5, noBroadcast: true })
  pool.tell(b, { kind: 'user', from: a.address, body })
  t.equal(heard(b, 'query').length, 2)
  t.strictSame(b.commands, [])
})

t.test('everybody answers a ping, and nobody is told of it', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(a, question({ name: '_serf_ping', wantsAck: true }))
  t.strictSame(
    heard(a, 'queryAcked')
      .map(({ from }) => from)
      .toSorted(),
    ['a', 'b'],
  )
  pool.command(a, question({ name: '_serf_unheard-of' }))
  t.strictSame(heard(b, 'query'), [])
})

/** A keyring as it is kept in memory. */
function keyringOf(...keys: readonly [Uint8Array, ...Uint8Array[]]) {
  const kept = { keyring: Keyring.of(...keys) }
  const run = (verb: KeyVerb, key: Uint8Array): KeyOutcome => {
    try {
      if (verb === 'install') kept.keyring = kept.keyring.with(key)
      else if (verb === 'use') kept.keyring = kept.keyring.using(key)
      else if (verb === 'remove') kept.keyring = kept.keyring.without(key)
      else return { kind: 'listed', keys: kept.keyring.keys, primary: kept.keyring.primary }
      return { kind: 'done' }
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      return { kind: 'failed', message: error.message }
    }
  }
  return { kept, run }
}

const [oldKey, newKey] = [Buffer.alloc(16, 1), Buffer.alloc(32, 2)]
const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64')
const keyring = (verb: KeyVerb, key: Uint8Array = new Uint8Array()): SerfCommand => ({
  kind: 'keyring',
  ticket: 5,
  relayFactor: 0,
  verb,
  key,
})

t.test('a key is rotated by everybody in turn', async (t) => {
  const pool = new SerfPool()
  const rings = ['a', 'b', 'c'].map(() => keyringOf(oldKey))
  const nodes = rings.map(({ run }, at) => pool.add('abc'.charAt(at), { keyring: run }))
  const [a, b, c] = nodes as [SerfNode, SerfNode, SerfNode]
  for (const node of [b, c]) pool.join(node, a)
  const tally = () => must(heard(b, 'keyringDone').at(-1), 'it is done').tally
  for (const step of [keyring('install', newKey), keyring('use', newKey)]) {
    pool.command(b, step)
    t.match(tally(), { nodes: 3, answers: 3, errors: 0, error: null })
  }
  pool.command(b, keyring('list'))
  t.strictSame(
    [tally().keys, tally().primaryKeys],
    [
      new Map([
        [base64(newKey), 3],
        [base64(oldKey), 3],
      ]),
      new Map([[base64(newKey), 3]]),
    ],
  )
  pool.command(b, keyring('remove', newKey))
  t.strictSame(tally().error, '3/3 nodes reported failure')
  t.strictSame(
    Object.fromEntries(tally().messages),
    Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, 'Removing the primary key is not allowed']),
    ),
  )
  pool.command(b, keyring('remove', oldKey))
  t.strictSame(
    rings.map(({ kept }) => kept.keyring.keys.map(base64)),
    [[base64(newKey)], [base64(newKey)], [base64(newKey)]],
  )
  t.strictSame(
    nodes.flatMap((node) => heard(node, 'query')),
    [],
    'nobody else is told of it',
  )
})

t.test('whoever does not answer has not done it, and time says when that is known', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a', { keyring: keyringOf(oldKey).run })
  const b = pool.add('b', { keyring: keyringOf(oldKey).run })
  pool.join(b, a)
  b.isUp = false
  pool.command(a, keyring('install', newKey))
  t.strictSame(heard(a, 'keyringDone'), [])
  pool.advance(queryTimeoutMs(serfLan, 2))
  t.match(heard(a, 'keyringDone'), [
    { ticket: 5, tally: { nodes: 2, answers: 1, errors: 0, error: '1/2 nodes reported success' } },
  ])
})

t.test('a pool without encryption has no keys', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a')
  pool.command(a, keyring('list'))
  pool.command(a, keyring('install', newKey))
  t.strictSame(
    heard(a, 'keyringDone').map(({ tally }) => [tally.error, ...tally.messages.values()]),
    [
      ['1/1 nodes reported failure', 'Keyring is empty (encryption not enabled)'],
      ['1/1 nodes reported failure', 'No keyring to modify (encryption not enabled)'],
    ],
  )
})

t.test('a list of keys that is too long is cut short, and says so', async (t) => {
  const pool = new SerfPool()
  const keys = Array.from({ length: 50 }, (_, at) => Buffer.alloc(32, at + 1))
  const a = pool.add('a', {
    keyring: () => ({ kind: 'listed', keys, primary: must(keys[0], 'one') }),
  })
  pool.command(a, keyring('list'))
  const { tally } = must(heard(a, 'keyringDone')[0], 'it is done')
  const { size } = tally.keys
  t.ok(size > 10 && size < 25, `${size} keys`)
  t.strictSame(
    [...tally.messages],
    [['a', `truncated key list response, showing first ${size} of 50 keys`]],
  )
  t.equal(tally.error, null)
})

t.test('what is no answer about keys is a failure', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  b.isUp = false
  pool.command(a, keyring('list'))
  const asked = lastSent(a, 'query')
  const answer = (payload: Uint8Array): void =>
    pool.tell(a, {
      kind: 'user',
      from: b.address,
      body: encodeSerfMessage({
        kind: 'queryResponse',
        time: asked.time,
        id: asked.id,
        from: 'b',
        isAck: false,
        payload,
      }),
    })
  answer(Uint8Array.of(3, 0x80))
  const { tally } = must(heard(a, 'keyringDone')[0], 'it is done')
  t.equal(tally.messages.get('b'), 'Invalid key query response type: [3 128]')
  t.equal(tally.errors, 2)
})

t.test('a key request that says nothing is answered by a failure', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a'], { keyring: keyringOf(oldKey).run }) as [SerfNode]
  pool.command(a, question({ name: '_serf_install-key', payload: bytes('nonsense') }))
  const answers = heard(a, 'queryAnswered').map(({ payload }) => decodeSerfMessage(payload))
  t.match(answers, [{ kind: 'keyResponse', done: false, message: '' }])
})

function claimOf({ name, meta, versions }: SwimMember, address: Address): RemoteState {
  return { node: name, address, meta, versions, incarnation: 2, state: 'alive' }
}

t.test('of two with one name the one goes that fewer know by it', async (t) => {
  for (const [settles, ours, lost] of [
    [true, 2, false],
    [true, 1, true],
    [false, 1, false],
  ] as const) {
    const pool = new SerfPool()
    const config = { settlesNameConflicts: settles }
    const nodes = pool.addAll(['a', 'b', 'c', 'd'], { config })
    const [a, b, c] = nodes as [SerfNode, SerfNode, SerfNode]
    const elsewhere = { host: '10.7.7.7', port: 7946 }
    const member = memberOf(a, 'alive')
    // Who thinks of the other one.
    for (const node of ours === 2 ? [b] : [b, c])
      pool.tell(node, {
        kind: 'updated',
        member: { ...member, address: elsewhere },
        before: member,
      })
    const claim = claimOf(member, elsewhere)
    for (const _ of [1, 2]) pool.tell(a, { kind: 'conflict', member, claim })
    pool.settle()
    pool.advance(10_000)
    t.equal(heard(a, 'nameConflict').length, 2)
    t.strictSame(
      heard(a, 'nameLost'),
      lost ? [{ kind: 'nameLost', answers: 3, ours: 1 }] : [],
      `${ours} of 3 know it, settled: ${settles}`,
    )
  }
})

t.test('nobody goes by the word of nobody', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a')
  const member = memberOf(a, 'alive')
  const claim = claimOf(member, { host: '10.7.7.7', port: 1 })
  pool.tell(a, { kind: 'conflict', member, claim })
  pool.settle()
  pool.advance(10_000)
  t.strictSame(heard(a, 'nameLost'), [])
})
