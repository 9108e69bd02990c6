import fc from 'fast-check'
import t from 'tap'

import { clusterTag, decide, findCluster } from '../../server/founding.ts'
import type { Founded } from '../../server/founding.ts'
import type { Pool } from '../../server/gossip/pool.ts'
import { memberStatus } from '../../server/model/member.ts'
import type { Member } from '../../server/model/member.ts'
import { settle } from '../support/clock.ts'

const server = (id: string, tags: Readonly<Record<string, string>> = {}): Member => ({
  Name: id,
  Addr: '127.0.0.1',
  Port: 1,
  Tags: { role: 'consul', dc: 'dc1', id, port: `83${id.codePointAt(0) ?? 0}`, ...tags },
  Status: memberStatus.alive,
  ProtocolMin: 1,
  ProtocolMax: 5,
  ProtocolCur: 2,
  DelegateMin: 2,
  DelegateMax: 5,
  DelegateCur: 4,
})

/** Servers that see what the test lets them see of each other. */
class Meeting {
  readonly #cards = new Map<string, Member>()
  readonly #seen = new Map<string, Map<string, Member>>()
  readonly #listeners = new Map<string, Set<() => void>>()

  enter(id: string, tags: Readonly<Record<string, string>>): Pool {
    this.#cards.set(id, server(id, tags))
    this.#seen.set(id, new Map())
    this.#listeners.set(id, new Set())
    this.show(id, id)
    return {
      members: () => [...(this.#seen.get(id)?.values() ?? [])],
      onChange: (listener) => {
        this.#listeners.get(id)?.add(listener)
        return () => void this.#listeners.get(id)?.delete(listener)
      },
      setTags: (next) => {
        this.#cards.set(id, server(id, next))
        this.show(id, id)
      },
      join: () => Promise.resolve(0),
      fire: () => {},
      leave: () => Promise.resolve(),
      forceLeave: () => false,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }

  /** `to` learns what `from` says of itself now. */
  show(from: string, to: string): void {
    const card = this.#cards.get(from)
    if (card !== undefined) this.#seen.get(to)?.set(from, card)
    for (const listener of this.#listeners.get(to) ?? []) listener()
  }

  lose(who: string, by: string): void {
    const seen = this.#seen.get(by)?.get(who)
    if (seen !== undefined) this.#seen.get(by)?.set(who, { ...seen, Status: memberStatus.failed })
    for (const listener of this.#listeners.get(by) ?? []) listener()
  }
}

function begin(meeting: Meeting, id: string, expect: number): Founded[] {
  const tags = { role: 'consul', dc: 'dc1', id, port: '8300', expect: String(expect) }
  const pool = meeting.enter(id, tags)
  const done: Founded[] = []
  const options = {
    pool,
    tags,
    nodeId: id,
    datacenter: 'dc1',
    expect,
    makeClusterId: () => `cluster of ${id}`,
  }
  void findCluster(options, new AbortController().signal).then((founded) => {
    done.push(founded)
    pool.setTags({ ...tags, [clusterTag]: founded.clusterId })
  })
  return done
}

t.test('one server that expects nobody else begins alone', async (t) => {
  const done = begin(new Meeting(), 'a', 1)
  await settle()
  t.strictSame(done[0]?.founders?.voters, ['a'])
})

t.test(
  'three that see each other found one cluster, by the one with the smallest id',
  async (t) => {
    const meeting = new Meeting()
    const ids = ['a', 'b', 'c']
    const done = new Map(ids.map((id) => [id, begin(meeting, id, 3)]))
    for (let round = 0; round < 4; round += 1) {
      for (const from of ids) for (const to of ids) meeting.show(from, to)
      await settle()
    }
    t.strictSame(done.get('a')?.[0]?.founders?.voters, ids)
    for (const id of ids) t.equal(done.get(id)?.[0]?.clusterId, 'cluster of a')
    t.equal(done.get('b')?.[0]?.founders, undefined)
  },
)

t.test('two of three wait', async (t) => {
  const meeting = new Meeting()
  const done = [begin(meeting, 'a', 3), begin(meeting, 'b', 3)]
  for (let round = 0; round < 4; round += 1) {
    meeting.show('a', 'b')
    meeting.show('b', 'a')
    await settle()
  }
  t.strictSame(
    done.map(({ length }) => length),
    [0, 0],
  )
})

t.test('who comes later takes the id that is there', (t) => {
  const meeting = new Meeting()
  meeting.enter('a', { [clusterTag]: 'x' })
  const pool = meeting.enter('z', { expect: '3' })
  meeting.show('a', 'z')
  const options = {
    pool,
    tags: {},
    nodeId: 'z',
    datacenter: 'dc1',
    expect: 3,
    makeClusterId: () => 'never',
  }
  t.match(decide(options, ''), { kind: 'done', founded: { clusterId: 'x', founders: undefined } })
  t.end()
})

t.test('whatever order they meet in, no two clusters have a majority of their own', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const meetings = fc.array(
    fc.record({
      from: fc.constantFrom(...ids),
      to: fc.constantFrom(...ids),
      lost: fc.boolean(),
    }),
    { minLength: 10, maxLength: 200 },
  )
  await fc.assert(
    fc.asyncProperty(meetings, async (steps) => {
      const meeting = new Meeting()
      const done = new Map(ids.map((id) => [id, begin(meeting, id, 3)]))
      for (const { from, to, lost } of steps) {
        if (lost && from !== to) meeting.lose(from, to)
        else meeting.show(from, to)
        await Promise.resolve()
      }
      await settle()
      const alive = [...done].flatMap(([id, founded]) => {
        const clusterId = founded[0]?.clusterId
        return clusterId === undefined ? [] : [{ id, clusterId }]
      })
      const working = [...done.values()].flatMap((founded) => {
        const { clusterId, founders } = founded[0] ?? {}
        if (founders === undefined) return []
        const votes = founders.voters.filter((voter) =>
          alive.some((server) => server.id === voter && server.clusterId === clusterId),
        )
        return votes.length * 2 > founders.voters.length ? [clusterId] : []
      })
      return new Set(working).size <= 1
    }),
    { numRuns: 200 },
  )
})
