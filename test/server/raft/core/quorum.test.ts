import fc from 'fast-check'
import t from 'tap'

import { majority, quorumReached, voteResult } from '../../../../server/raft/core/quorum.ts'

/** Ids of one letter. */
function each(letters: string): string[] {
  return letters.split('')
}

t.test('the quorum of a majority is what enough of it reached', async (t) => {
  const cases: [
    voters: string,
    outgoing: string,
    reached: Record<string, number>,
    index: number,
  ][] = [
    ['', '', {}, Infinity],
    ['a', '', { a: 12 }, 12],
    ['a', '', {}, -Infinity],
    ['ab', '', { a: 5, b: 9 }, 5],
    ['abc', '', { a: 5 }, -Infinity],
    ['abc', '', { a: 5, b: 9 }, 5],
    ['abc', '', { a: 5, b: 9, c: 9 }, 9],
    ['abcd', '', { a: 1, b: 2, c: 3, d: 4 }, 2],
    ['abcde', '', { a: 1, b: 2, c: 3, d: 4, e: 5 }, 3],
    ['abc', 'ade', { a: 9, b: 9, c: 9 }, -Infinity],
    ['abc', 'ade', { a: 9, b: 9, c: 9, d: 4 }, 4],
    ['ab', 'cd', { a: 3, b: 5, c: 7, d: 9 }, 3],
  ]
  for (const [voters, outgoing, reached, index] of cases) {
    const membership = { voters: each(voters), outgoing: each(outgoing) }
    const found = quorumReached(membership, (id) => reached[id] ?? -Infinity)
    t.equal(found, index, `(${voters})&(${outgoing}) ${JSON.stringify(reached)}`)
  }
})

t.test('an election is won, lost or open', async (t) => {
  const cases: [voters: string, outgoing: string, yes: string, no: string, result: string][] = [
    ['a', '', '', '', 'pending'],
    ['a', '', 'a', '', 'won'],
    ['ab', '', 'a', '', 'pending'],
    ['ab', '', 'a', 'b', 'lost'],
    ['abc', '', 'ab', '', 'won'],
    ['abc', '', 'a', 'b', 'pending'],
    ['abc', '', 'a', 'bc', 'lost'],
    ['abcd', '', 'ab', 'c', 'pending'],
    ['abcd', '', 'ab', 'cd', 'lost'],
    ['abc', '', 'abz', 'yx', 'won'],
    // Both halves must be won, and either can be lost.
    ['abc', 'cde', 'abc', '', 'pending'],
    ['abc', 'cde', 'abcd', '', 'won'],
    ['abc', 'cde', 'abc', 'de', 'lost'],
  ]
  for (const [voters, outgoing, yes, no, result] of cases) {
    const votes = new Map(each(yes).map((id) => [id, true]))
    for (const id of each(no)) votes.set(id, false)
    const found = voteResult({ voters: each(voters), outgoing: each(outgoing) }, votes)
    t.equal(found, result, `(${voters})&(${outgoing}) yes ${yes} no ${no}`)
  }
})

const ids = fc.uniqueArray(fc.constantFrom(...each('abcdefg')), { maxLength: 7 })
const reachedBy = fc.dictionary(fc.constantFrom(...each('abcdefg')), fc.nat(20))

t.test('quorumReached is the greatest value that enough members are at or beyond', async (t) => {
  const property = fc.property(ids, ids, reachedBy, (voters, outgoing, reached) => {
    const found = quorumReached({ voters, outgoing }, (id) => reached[id] ?? 0)
    // The slow way: try every value there is.
    const isReached = (half: readonly string[], value: number): boolean =>
      half.length === 0 ||
      half.filter((id) => (reached[id] ?? 0) >= value).length >= majority(half.length)
    const candidates = [0, ...Object.values(reached)]
    const naive = candidates.filter(
      (value) => isReached(voters, value) && isReached(outgoing, value),
    )
    return voters.length + outgoing.length === 0 ? found === Infinity : found === Math.max(...naive)
  })
  const { failed, seed, counterexample } = fc.check(property, { numRuns: 1000 })
  t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`)
})

t.test('voteResult is what the remaining votes can still change', async (t) => {
  const property = fc.property(
    ids,
    ids,
    fc.dictionary(fc.constantFrom(...each('abcdefg')), fc.boolean()),
    (voters, outgoing, given) => {
      const votes = new Map(Object.entries(given))
      const wins = (half: readonly string[], fallback: boolean): boolean =>
        half.length === 0 ||
        half.filter((id) => votes.get(id) ?? fallback).length >= majority(half.length)
      const isWonAnyway = wins(voters, false) && wins(outgoing, false)
      const isWonAtBest = wins(voters, true) && wins(outgoing, true)
      const naive = isWonAnyway ? 'won' : isWonAtBest ? 'pending' : 'lost'
      return voteResult({ voters, outgoing }, votes) === naive
    },
  )
  const { failed, seed, counterexample } = fc.check(property, { numRuns: 1000 })
  t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`)
})
