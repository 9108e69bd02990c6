import fc from 'fast-check'
import t from 'tap'

import { compilePattern } from '../../../../server/filter/pattern.ts'
import { isFor } from '../../../../server/gossip/user-events/audience.ts'
import { open, seal } from '../../../../server/gossip/user-events/envelope.ts'
import { UserEvents } from '../../../../server/gossip/user-events/user-events.ts'
import type { UserEventsNeeds } from '../../../../server/gossip/user-events/user-events.ts'
import { PraetorError } from '../../../../server/model/errors.ts'
import { eventIndex } from '../../../../server/model/user-event.ts'
import type { EventRequest, UserEvent } from '../../../../server/model/user-event.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'
import { encodeMsgpack } from '../../../../server/wire/msgpack.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { SerfPool } from '../../../support/serf-pool.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const plain: UserEvent = {
  ID: 'e03ecc1e-6074-3228-0afe-dc5a8441a07e',
  Name: 'live',
  Payload: null,
  NodeFilter: '',
  ServiceFilter: '',
  TagFilter: '',
  Version: 1,
  LTime: 7,
}
const request: EventRequest = {
  Name: 'deploy',
  Payload: null,
  NodeFilter: '',
  ServiceFilter: '',
  TagFilter: '',
}

/** The events of one agent, which hears itself. */
function agent(needs: Partial<UserEventsNeeds> = {}) {
  const clock = new VirtualClock()
  let time = 0
  const events: UserEvents = new UserEvents({
    clock,
    chance: seededChance(1),
    datacenter: 'dc1',
    compilePattern,
    listener: () => ({ nodeName: 'n1', services: [{ ID: 'web1', Tags: ['blue', 'v2'] }] }),
    broadcast: (envelope) => {
      time += 1
      events.hear(envelope, time)
    },
    ...needs,
  })
  return { clock, events }
}

t.test('an event is written byte for byte as Consul writes it', async (t) => {
  const id = 'e03ecc1e-6074-3228-0afe-dc5a8441a07e'
  const filters = { NodeFilter: '^n', ServiceFilter: 's.*', TagFilter: 't' }
  const cases: readonly [event: UserEvent, written: string][] = [
    [plain, `\x83\xa2ID\xd9$${id}\xa1n\xa4live\xa1v\x01`],
    [{ ...plain, Payload: bytes('') }, `\x83\xa2ID\xd9$${id}\xa1n\xa4live\xa1v\x01`],
    [
      { ...plain, Payload: bytes('from consul') },
      `\x84\xa2ID\xd9$${id}\xa1n\xa4live\xa1p\xc4\x0bfrom consul\xa1v\x01`,
    ],
    [
      { ...plain, ...filters, Name: 'all', Payload: bytes('abc') },
      `\x87\xa2ID\xd9$${id}\xa1n\xa3all\xa2nf\xa2^n\xa1p\xc4\x03abc\xa2sf\xa3s.*\xa2tf\xa1t\xa1v\x01`,
    ],
  ]
  for (const [event, written] of cases) {
    const { name, payload } = seal(event)
    t.equal(name, `consul:event:${event.Name}`)
    t.equal(Buffer.from(payload).toString('latin1'), written)
  }
})

t.test('what was sealed is opened, and what is no event is not', async (t) => {
  const text = fc.string({ maxLength: 20 })
  fc.assert(
    fc.property(
      fc.record({
        ID: text,
        Name: text,
        Payload: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 })),
        NodeFilter: text,
        ServiceFilter: text,
        TagFilter: text,
        Version: fc.nat(200),
      }),
      fc.nat(),
      (event, LTime) => {
        const opened = open(seal(event), LTime)
        t.strictSame(
          { ...opened, Payload: opened?.Payload && [...opened.Payload] },
          { ...event, LTime, Payload: event.Payload && [...event.Payload] },
        )
      },
    ),
  )
  const name = 'consul:event:x'
  const cases: readonly [what: string, envelope: { name: string; payload: Uint8Array }][] = [
    ["not a user's", { ...seal(plain), name: 'consul:new-leader' }],
    ['no bytes', { name, payload: new Uint8Array() }],
    ['no map', { name, payload: encodeMsgpack([1]) }],
    ['bytes', { name, payload: encodeMsgpack(bytes('x')) }],
    ['a name that is none', { name, payload: encodeMsgpack({ n: 1 }) }],
    ['a payload that is none', { name, payload: encodeMsgpack({ p: 1 }) }],
    ['a version that is none', { name, payload: encodeMsgpack({ v: 'x' }) }],
    ['cut short', { name, payload: seal(plain).payload.subarray(0, 20) }],
  ]
  for (const [what, envelope] of cases) t.equal(open(envelope, 1), undefined, what)
})

t.test('an event is for those whom its filters hold for', async (t) => {
  const listener = {
    nodeName: 'n1',
    services: [
      { ID: 'fe1', Tags: ['blue', 'v2'] },
      { ID: 'be1', Tags: null },
    ],
  }
  const cases: readonly [filters: Partial<UserEvent>, isHeard: boolean][] = [
    [{}, true],
    [{ NodeFilter: '1' }, true],
    [{ NodeFilter: '^n1$' }, true],
    [{ NodeFilter: 'N1' }, false],
    [{ ServiceFilter: 'fe1' }, true],
    [{ ServiceFilter: 'FE1' }, false],
    [{ ServiceFilter: 'frontend' }, false],
    [{ ServiceFilter: '.*', TagFilter: '.*' }, true],
    [{ ServiceFilter: 'e1', TagFilter: '^blue$' }, true],
    [{ ServiceFilter: 'e1', TagFilter: 'Blue' }, false],
    [{ ServiceFilter: 'be1', TagFilter: 'x' }, false],
    [{ NodeFilter: 'x', ServiceFilter: 'fe1' }, false],
    [{ NodeFilter: '(' }, false],
    [{ ServiceFilter: '(' }, false],
    [{ ServiceFilter: 'fe1', TagFilter: '(' }, false],
    [{ Version: 2 }, false],
  ]
  for (const [filters, isHeard] of cases)
    t.equal(
      isFor({ ...plain, ...filters }, listener, compilePattern),
      isHeard,
      JSON.stringify(filters),
    )
})

t.test("what can't be fired is refused in Consul's words", async (t) => {
  const { events } = agent()
  const cases: readonly [given: Partial<EventRequest>, message: string][] = [
    [{ Name: '' }, 'User event missing name'],
    [{ TagFilter: '(' }, 'Cannot provide tag filter without service filter'],
    [{ NodeFilter: '(' }, 'Invalid node filter: error parsing regexp: missing closing ): `(`'],
    [
      { ServiceFilter: '(' },
      'Invalid service filter: error parsing regexp: missing closing ): `(`',
    ],
    [
      { ServiceFilter: 's', TagFilter: '(' },
      'Invalid tag filter: error parsing regexp: missing closing ): `(`',
    ],
  ]
  for (const [given, message] of cases)
    await t.rejects(events.fire({ ...request, ...given }, { datacenter: '' }), { message })
  await t.rejects(events.fire(request, { datacenter: 'dc2' }), { message: 'No path to datacenter' })
  t.strictSame(events.recent(), [])
})

t.test('an event may be as long as Consul lets it be', async (t) => {
  const pool = new SerfPool()
  const node = pool.add('n1')
  const { events } = agent({
    broadcast: ({ name, payload }) =>
      pool.command(node, { kind: 'fire', name, payload, coalesce: false }),
  })
  const fire = (size: number): Promise<UserEvent> =>
    events.fire({ ...request, Name: 'size', Payload: new Uint8Array(size) }, { datacenter: 'dc1' })
  const refusal = (reason: string): { message: string } => ({
    message: `1 error occurred:\n\t* error broadcasting event to segment "": ${reason}\n\n`,
  })
  await t.resolves(fire(408))
  await t.rejects(
    fire(409),
    refusal('encoded user event exceeds configured limit of 512 bytes after encoding'),
  )
  await t.rejects(
    fire(440),
    refusal('user event exceeds configured limit of 512 bytes before encoding'),
  )
})

t.test('a bug in the pool is no answer to a user', async (t) => {
  const { events } = agent({
    broadcast: () => {
      throw new TypeError('a bug')
    },
  })
  const refused = await events.fire(request, { datacenter: '' }).catch((error: unknown) => error)
  t.notOk(refused instanceof PraetorError)
})

t.test('the last 256 are remembered, with the time at which they were fired', async (t) => {
  const { events } = agent()
  const fired = await events.fire({ ...request, Payload: bytes('x') }, { datacenter: 'dc1' })
  t.match(fired, { Name: 'deploy', Version: 1, LTime: 0 })
  t.match(events.recent(), [{ ID: fired.ID, LTime: 1, Payload: bytes('x') }])
  for (let times = 0; times < 256; times += 1) await events.fire(request, { datacenter: '' })
  t.equal(events.recent().length, 256)
  t.equal(events.recent()[0]?.LTime, 2)
})

t.test('who waits is woken by the event that it waits for, and by no other', async (t) => {
  const { clock, events } = agent()
  const never = new AbortController().signal
  const ended: string[] = []
  const wait = (what: string, name: string, waitMs: number, signal = never): void =>
    void events
      .until((list) => list.some(({ Name }) => Name === name), waitMs, signal)
      .then(() => ended.push(what))
  const leaving = new AbortController()
  wait('short', 'live', 1000)
  wait('for what comes', 'live', 9000)
  wait('for something else', 'other', 9000)
  wait('and goes', 'live', 9000, leaving.signal)
  events.hear(seal({ ...plain, NodeFilter: 'elsewhere' }), 1)
  await clock.advance(1000)
  t.strictSame(ended, ['short'])
  leaving.abort()
  await clock.advance(1)
  t.strictSame(ended, ['short', 'and goes'])
  events.hear(seal(plain), 2)
  await clock.advance(1)
  t.strictSame(ended, ['short', 'and goes', 'for what comes'])
  wait('for what is there', 'live', 9000)
  wait('gone already', 'other', 9000, AbortSignal.abort())
  await clock.advance(1)
  t.strictSame(ended.slice(3), ['for what is there', 'gone already'])
  await clock.advance(9000)
  t.equal(ended.at(-1), 'for something else')
  t.equal(clock.timers, 0)
})

t.test('a list stands at what its last event is called', async (t) => {
  const withId = (ID: string): UserEvent => ({ ...plain, ID })
  const cases: readonly [events: readonly UserEvent[], index: number | bigint][] = [
    [[], 1],
    [[withId('5fdae828-34b7-f2df-a2fd-6423bf9a8705')], 18241702796895024602n],
    [[plain, withId('b078c5e9-1774-4b04-0a8d-89d587fc8c84')], 13471757683355338624n],
    [[withId('00000000-0000-0000-0000-000000000009')], 9],
    [[withId('no id at all')], 1],
    [[withId('')], 1],
  ]
  for (const [events, index] of cases) t.equal(eventIndex(events), index)
})
