import t from 'tap'

import { seededChance } from '../../../../server/runtime/chance.ts'
import { entriesOf, members, RaftCluster } from '../../../support/raft-cluster.ts'
import { append, has, heartbeat, kinds, refuses, Solo } from '../../../support/raft-solo.ts'

/** The sentences of the Raft paper's §5, one test each, in its order. Entry 1 is the cluster's membership, of term 1. */

const granted = (term: number): { kind: 'voteResponse'; term: number; granted: boolean } => ({
  kind: 'voteResponse',
  term,
  granted: true,
})

const inRole: Record<string, (solo: Solo) => void> = {
  follower: () => {},
  preCandidate: (solo) => {
    solo.timeOut()
  },
  candidate: (solo) => {
    solo.becomeCandidate()
  },
  leader: (solo) => {
    solo.becomeLeader()
  },
}

t.test(
  '§5.1 a server that sees a larger term takes it over, and a candidate or leader becomes a follower',
  async (t) => {
    for (const [role, become] of Object.entries(inRole)) {
      const solo = new Solo()
      become(solo)
      t.equal(solo.status.role, role)
      solo.tell('2', append(9, [1, 1], []))
      const { term, role: now, leader } = solo.status
      t.same([term, now, leader], [9, 'follower', '2'], role)
      t.equal(solo.node.disk.hardState.term, 9, `${role}: the term is durable`)
    }
  },
)

t.test('§5.1 a request with a stale term is rejected', async (t) => {
  const solo = new Solo({ term: 5 })
  const [vote] = solo.tell('2', {
    kind: 'vote',
    term: 4,
    lastLog: { index: 9, term: 4 },
    transfer: false,
  })
  t.match(vote?.message, { kind: 'voteResponse', term: 5, granted: false })
  const [appended] = solo.tell('2', append(4, [1, 1], [4]))
  t.match(appended?.message, { kind: 'appendResponse', term: 5, accepted: false })
  t.equal(solo.status.lastIndex, 1, 'and nothing of it is done')
})

t.test('§5.2 servers start as followers', async (t) => {
  t.match(new Solo({ cold: true }).status, { role: 'follower', leader: null, term: 1 })
})

t.test('§5.2 a leader sends heartbeats to everybody to maintain its authority', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  t.same(kinds(solo.tick(100)), ['2 heartbeat', '3 heartbeat'])
})

t.test(
  '§5.2 a follower or candidate that hears nothing over the election timeout campaigns in a new term',
  async (t) => {
    const solo = new Solo()
    t.same(kinds(solo.timeOut()), ['2 preVote', '3 preVote'], 'it asks first')
    t.equal(solo.status.term, 1, 'and asking costs no term')
    solo.hear('2', { kind: 'preVoteResponse', term: 2, granted: true })
    t.match(solo.status, { role: 'candidate', term: 2, vote: '1' })
    solo.finish()
    t.same(
      kinds(solo.tick(2000)),
      ['2 preVote', '3 preVote'],
      'when nothing comes of it, it begins again',
    )
  },
)

t.test(
  '§5.2 a candidate wins with the votes of a majority, loses with the refusals of one, and else waits',
  async (t) => {
    const cases: [size: number, votes: Record<string, boolean>, role: string][] = [
      [1, {}, 'leader'],
      [3, { 2: true, 3: true }, 'leader'],
      [3, { 2: true }, 'leader'],
      [5, { 2: true, 3: true, 4: true, 5: true }, 'leader'],
      [5, { 2: true, 3: true }, 'leader'],
      [3, { 2: false, 3: false }, 'follower'],
      [5, { 2: false, 3: false, 4: false }, 'follower'],
      [5, { 2: true, 3: false, 4: false }, 'candidate'],
      [3, {}, 'candidate'],
      [5, { 2: true }, 'candidate'],
      [5, { 2: false, 3: false }, 'candidate'],
    ]
    for (const [size, votes, role] of cases) {
      const voters = ['1', '2', '3', '4', '5'].slice(0, size)
      const solo = new Solo({ voters, cold: size === 1 })
      if (size > 1) solo.becomeCandidate()
      solo.finish()
      for (const [id, isGranted] of Object.entries(votes))
        solo.tell(id, { kind: 'voteResponse', term: 2, granted: isGranted })
      t.equal(solo.status.role, role, `${size} servers, ${JSON.stringify(votes)}`)
      t.equal(solo.status.term, 2)
    }
  },
)

t.test(
  '§5.2 each server votes for at most one candidate in a term, first come first served',
  async (t) => {
    const cases: [vote: string | null, from: string, granted: boolean][] = [
      [null, '2', true],
      [null, '3', true],
      ['2', '2', true],
      ['3', '3', true],
      ['2', '3', false],
      ['3', '2', false],
    ]
    for (const [vote, from, isGranted] of cases) {
      const solo = new Solo()
      const request = {
        kind: 'vote',
        term: 2,
        lastLog: { index: 1, term: 1 },
        transfer: false,
      } as const
      if (vote !== null) solo.tell(vote, request)
      const [answer] = solo.tell(from, request)
      t.match(answer?.message, { kind: 'voteResponse', granted: isGranted }, `${vote} then ${from}`)
      t.equal(solo.node.disk.hardState.vote, vote ?? from)
    }
  },
)

t.test(
  '§5.2 a candidate that hears a leader of its own or a later term returns to follower',
  async (t) => {
    for (const term of [2, 3]) {
      const solo = new Solo()
      solo.becomeCandidate()
      solo.tell('2', append(term, [1, 1], []))
      t.match(solo.status, { role: 'follower', term, leader: '2' })
    }
  },
)

t.test(
  '§5.2 election timeouts are drawn from a fixed interval, for followers and candidates alike',
  async (t) => {
    for (const role of ['follower', 'candidate'] as const) {
      const draws: number[] = []
      for (const fraction of [0, 0.25, 0.5, 0.75, 0.999]) {
        const solo = new Solo({ config: { rng: () => fraction } })
        if (role === 'candidate') {
          solo.becomeCandidate()
          solo.finish()
        } else solo.tell('2', append(2, [1, 1], []))
        let waitedMs = 0
        while (waitedMs < 5000) {
          waitedMs += 50
          if (solo.tick(50).length > 0) break
        }
        draws.push(waitedMs)
      }
      const [shortest = 0, longest = 0] = [draws[0], draws.at(-1)]
      t.ok(shortest >= 1000 && longest <= 2050, `${role}: ${draws.join(' ')}`)
      t.same(new Set(draws).size, draws.length, 'and so seldom collide')
    }
  },
)

t.test('§5.2 candidates seldom come together, and when they do it is seldom again', async (t) => {
  for (const role of ['follower', 'candidate'] as const) {
    const chance = seededChance(role.length)
    let collisions = 0
    const rounds = 300
    for (let round = 0; round < rounds; round += 1) {
      const waits = Array.from({ length: 5 }, () => {
        const solo = new Solo({ config: { rng: () => chance.fraction() } })
        if (role === 'candidate') {
          solo.becomeCandidate()
          solo.finish()
        } else solo.tell('2', append(2, [1, 1], []))
        let waitedMs = 0
        while (waitedMs < 5000 && solo.tick(50).length === 0) waitedMs += 50
        return waitedMs
      }).toSorted((a, b) => a - b)
      // Nobody else is a candidate before the first one's requests are there.
      if (waits[0] === waits[1]) collisions += 1
    }
    t.ok(collisions < 0.3 * rounds, `${role}: ${collisions} of ${rounds}`)
  }
})

t.test('§5.3 a leader appends a command and sends it to everybody at once', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  solo.acknowledge()
  const sent = solo.propose('a')
  t.same(kinds(sent), ['2 append', '3 append'])
  t.match(sent[0]?.message, {
    previous: { index: 2, term: 2 },
    entries: [{ index: 3, term: 2, kind: 'command' }],
    commit: 2,
  })
  t.equal(solo.status.durableIndex, 2, 'before it is on its own disk')
})

t.test('§5.3 an entry is committed when the leader knows it on a majority', async (t) => {
  const cases: [size: number, acks: string[], committed: boolean][] = [
    [1, [], true],
    [3, [], false],
    [3, ['2'], true],
    [3, ['2', '3'], true],
    [5, [], false],
    [5, ['2'], false],
    [5, ['2', '3'], true],
    [5, ['2', '3', '4', '5'], true],
  ]
  for (const [size, acks, committed] of cases) {
    const voters = ['1', '2', '3', '4', '5'].slice(0, size)
    const solo = new Solo({ voters, cold: size === 1 })
    if (size === 1) solo.finish()
    else {
      solo.becomeLeader()
      solo.acknowledge()
    }
    const { lastIndex } = solo.status
    solo.propose('a')
    solo.finish()
    for (const id of acks) solo.tell(id, has(2, lastIndex + 1))
    t.equal(
      solo.status.commitIndex > lastIndex,
      committed,
      `${size} servers, acks of ${acks.join(' ')}`,
    )
  }
})

t.test(
  '§5.3 a committed entry is applied and its client told, and followers learn of the commit',
  async (t) => {
    const solo = new Solo()
    solo.becomeLeader()
    solo.acknowledge()
    solo.propose('a', 7)
    solo.finish()
    const sent = solo.tell('2', has(2, 3))
    t.match(
      solo.outputs.findLast(({ apply }) => apply.length > 0),
      {
        apply: [{ index: 3, term: 2 }],
        settled: [{ ticket: 7, outcome: 'committed', index: 3, term: 2 }],
      },
    )
    t.match(sent[0], { to: '2', message: { kind: 'append', commit: 3 } })
  },
)

t.test(
  '§5.3 committing an entry commits everything before it, of earlier leaders too',
  async (t) => {
    for (const log of [[2], [1, 2], [2, 2], [1]]) {
      const solo = new Solo({ log, term: 2 })
      solo.becomeLeader()
      t.equal(solo.status.commitIndex, 0)
      solo.acknowledge('2')
      t.same(
        solo.applied().map(({ term }) => term),
        [1, ...log, 3],
      )
    }
  },
)

t.test(
  '§5.3 a follower applies what it learns is committed, in the order of the log',
  async (t) => {
    for (const commit of [1, 2, 3, 4]) {
      const solo = new Solo()
      solo.tell('2', append(2, [1, 1], [2, 2, 2], commit))
      t.same(
        solo.applied().map(({ index }) => index),
        [1, 2, 3, 4].slice(0, commit),
      )
    }
  },
)

t.test('§5.3 a follower refuses entries that do not follow what it has', async (t) => {
  const cases: [after: [number, number], accepted: boolean, index: number][] = [
    [[0, 0], true, 0],
    [[1, 1], true, 1],
    [[3, 3], true, 3],
    [[1, 2], false, 1],
    [[3, 2], false, 3],
    [[4, 3], false, 4],
  ]
  for (const [after, accepted, index] of cases) {
    const solo = new Solo({ log: [2, 3], term: 3 })
    const [answer] = solo.tell('2', append(4, after, []))
    t.match(answer?.message, { kind: 'appendResponse', accepted, index }, after.join('@'))
  }
})

t.test(
  '§5.3 a follower deletes what conflicts with its leader, and all that follows, and appends what is new',
  async (t) => {
    const cases: [after: [number, number], terms: number[], expected: number[]][] = [
      [[3, 3], [4], [1, 2, 3, 4]],
      [
        [2, 2],
        [4, 5],
        [1, 2, 4, 5],
      ],
      [[1, 1], [2], [1, 2, 3]],
      [[1, 1], [4], [1, 4]],
    ]
    for (const [after, terms, expected] of cases) {
      const solo = new Solo({ log: [2, 3], term: 5 })
      solo.tell('2', append(6, after, terms))
      const { disk } = solo.node
      const found = Array.from({ length: disk.lastIndex() }, (_, at) => disk.term(at + 1))
      t.same(found, expected, `${terms.join(' ')} after ${after.join('@')}`)
    }
  },
)

t.test('§5.3 a leader brings every log of figure 7 to its own', async (t) => {
  const own = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  const logs: Record<string, number[]> = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  }
  for (const [name, terms] of Object.entries(logs)) {
    // A third server without a log gives the vote that makes 1 the leader, as in the figure.
    const cluster = new RaftCluster({
      membership: members(['1', '2', '3']),
      logs: { 1: entriesOf(own), 2: entriesOf(terms) },
      term: 7,
    })
    for (const { id } of cluster.up()) cluster.tick(id, 1050)
    while (cluster.leader !== '1') {
      cluster.tick('1', 50)
      cluster.settle()
    }
    cluster.tick('1', 100)
    cluster.settle()
    const { disk } = cluster.node('2')
    const found = Array.from({ length: disk.lastIndex() }, (_, at) => disk.term(at + 1))
    t.same(found, [1, ...own, 8], name)
  }
})

t.test('§5.4.1 a request for a vote tells of the candidate’s log', async (t) => {
  const solo = new Solo({ log: [2, 2, 3], term: 3 })
  t.match(solo.timeOut()[0]?.message, { kind: 'preVote', term: 4, lastLog: { index: 4, term: 3 } })
  t.same(solo.hear('2', { kind: 'preVoteResponse', term: 4, granted: true }), [])
  // Were the term and the vote lost in a crash, it could campaign in that term twice, with two logs.
  t.match(solo.write()[0]?.message, { kind: 'vote', term: 4, lastLog: { index: 4, term: 3 } })
})

t.test(
  '§5.4.1 a voter denies its vote, and its word, to a log less up to date than its own',
  async (t) => {
    const cases: [log: number[], index: number, term: number, granted: boolean][] = [
      [[1], 2, 1, true],
      [[1], 3, 1, true],
      [[1, 1], 2, 1, false],
      [[1], 2, 2, true],
      [[1, 1], 2, 2, true],
      [[2], 2, 1, false],
      [[2], 9, 1, false],
    ]
    for (const [log, index, term, isGranted] of cases) {
      const lastLog = { index, term }
      for (const kind of ['preVote', 'vote'] as const) {
        const solo = new Solo({ log, term: 3 })
        const request =
          kind === 'vote' ? { kind, term: 4, lastLog, transfer: false } : { kind, term: 4, lastLog }
        const [answer] = solo.tell('2', request)
        t.match(
          answer?.message,
          { granted: isGranted },
          `${kind} of ${index}@${term} against ${log.join(' ')}`,
        )
      }
    }
  },
)

t.test('§5.4.2 (T0) only entries of the leader’s own term are committed by counting', async (t) => {
  for (const [index, commit] of [
    [2, 0],
    [3, 0],
    [4, 4],
  ] as const) {
    const solo = new Solo({ log: [1, 2], term: 2 })
    solo.becomeLeader()
    solo.tell('2', has(3, index))
    t.equal(solo.status.commitIndex, commit, `a majority has ${index}`)
  }
})

t.test('T24: refusals are answered by one probe per term, and old ones by nothing', async (t) => {
  const solo = new Solo({ log: [1, 1, 2, 2, 2, 2], term: 4 })
  solo.becomeLeader()
  const sent = solo.tell('2', refuses(5, 7, [7, 1]))
  t.match(
    sent[0]?.message,
    { kind: 'append', previous: { index: 3, term: 1 } },
    'all of term 2 is skipped',
  )
  t.same(solo.tell('2', refuses(5, 7, [7, 1])), [], 'the same refusal again')
  t.same(solo.tell('2', refuses(5, 6, [5, 1])), [], 'of a probe that is not the present one')
  solo.tell('2', has(5, 7))
  t.same(solo.tell('2', refuses(5, 3, [2, 1])), [], 'of what is known to be there')
  t.equal(solo.status.progress.get('2')?.state, 'replicate')
})

t.test('§5.5 the same message twice is as good as once', async (t) => {
  const solo = new Solo()
  solo.tell('2', append(2, [1, 1], [2, 2], 2))
  const [again] = solo.tell('2', append(2, [1, 1], [2, 2], 2))
  t.match(again?.message, { kind: 'appendResponse', accepted: true })
  t.equal(solo.status.lastIndex, 3)
  t.match(solo.tell('2', heartbeat(2))[0]?.message, { kind: 'heartbeatResponse' })
  t.same(kinds(solo.tell('2', granted(2))), [], 'a vote nobody asked for is nothing')
})
