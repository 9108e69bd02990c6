import t from 'tap'

import { origin } from '../../../server/model/coordinate.ts'
import type { NodeCoordinate } from '../../../server/model/coordinate.ts'
import {
  comparable,
  coordinatesOfNode,
  listCoordinates,
} from '../../../server/state/coordinates.ts'
import { Log } from '../../support/log.ts'

const at = (Node: string, x: number, Segment = ''): NodeCoordinate => ({
  Node,
  Segment,
  Coord: { ...origin, Vec: [x, 0, 0, 0, 0, 0, 0, 0] },
})

t.test('coordinates are kept of nodes that are there, one for each segment', async (t) => {
  const log = new Log()
  log.node('n1')
  log.node('n2')
  log.apply('coordinates-update', { Updates: [at('n2', 2), at('n1', 1), at('stranger', 3)] })
  log.apply('coordinates-update', { Updates: [at('N1', 4, 's'), at('n2', 5)] })
  t.strictSame(listCoordinates(log.store), {
    index: 4,
    value: [at('n1', 1), at('N1', 4, 's'), at('n2', 5)],
  })
  t.strictSame(
    coordinatesOfNode(log.store, 'N1').value,
    [at('N1', 1), at('N1', 4, 's')],
    'under the name that was asked for',
  )
  t.strictSame(coordinatesOfNode(log.store, 'stranger').value, [])
})

t.test('what says nothing new moves no index', async (t) => {
  const log = new Log()
  log.node('n1')
  log.apply('coordinates-update', { Updates: [at('n1', 1)] })
  log.apply('coordinates-update', { Updates: [at('n1', 1), at('stranger', 1)] })
  t.equal(listCoordinates(log.store).index, 2)
})

t.test('they go with their node, and only then is that a change', async (t) => {
  const log = new Log()
  log.node('n1')
  log.node('n2')
  log.apply('coordinates-update', { Updates: [at('n1', 1), at('n1', 2, 's')] })
  log.apply('deregister', { Node: 'n2' })
  t.equal(listCoordinates(log.store).index, 3)
  log.apply('deregister', { Node: 'N1' })
  t.strictSame(listCoordinates(log.store), { index: 5, value: [] })
})

t.test('only coordinates of one segment can be compared', async (t) => {
  const [a, b] = [at('a', 1), at('b', 2)]
  const [inS, inR] = [at('b', 3, 's'), at('a', 4, 'r')]
  const cases: readonly [
    what: string,
    ours: readonly NodeCoordinate[],
    theirs: readonly NodeCoordinate[],
    pair: readonly [NodeCoordinate, NodeCoordinate] | undefined,
  ][] = [
    ['both in one', [a], [b], [a, b]],
    ['none of one', [a], [], undefined],
    ['a client of another segment', [a], [inS], undefined],
    ['a server that is in both', [a, at('a', 5, 's')], [inS], [at('a', 5, 's'), inS]],
    ['seen from the client', [inR], [b, at('b', 6, 'r')], [inR, at('b', 6, 'r')]],
    ['two servers', [a, inR], [b, inS], [a, b]],
  ]
  for (const [what, ours, theirs, pair] of cases)
    t.strictSame(comparable(ours, theirs), pair && [pair[0].Coord, pair[1].Coord], what)
})
