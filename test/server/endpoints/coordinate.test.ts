import t from 'tap'

import { origin } from '../../../server/model/coordinate.ts'
import type { NodeCoordinate } from '../../../server/model/coordinate.ts'
import type { Registration } from '../../../server/model/registration.ts'
import { localRpc } from '../../support/local-rpc.ts'

const at = (Node: string, x: number): NodeCoordinate => ({
  Node,
  Segment: '',
  Coord: { ...origin, Vec: [x, 0, 0, 0, 0, 0, 0, 0] },
})

const registration = (Node: string): Registration => ({
  ID: '',
  Node,
  Address: '10.0.0.1',
  TaggedAddresses: null,
  NodeMeta: null,
  SkipNodeUpdate: false,
  Service: {
    ID: 'web',
    Service: 'web',
    Tags: null,
    Address: '',
    Meta: null,
    Port: 0,
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Proxy: {},
    Connect: {},
  },
  Check: {
    Node,
    CheckID: 'c',
    Name: 'c',
    Status: 'passing',
    Notes: '',
    Output: '',
    ServiceID: 'web',
    ServiceName: 'web',
    ServiceTags: null,
    Type: '',
    Definition: {},
  },
})

/** e1 to e4 with a service and a check each; nobody knows where e3 stands. */
async function prepared() {
  const served = localRpc()
  for (const Node of ['e1', 'e2', 'e3', 'e4'])
    await served.rpc.write('Catalog.Register', registration(Node))
  served.leader.log.apply('coordinates-update', {
    Updates: [at('e1', 0.4), at('e2', 0.1), at('e4', 0.25)],
  })
  return served
}

t.test('rows come nearest to the node that was named first, as Consul orders them', async (t) => {
  const { rpc } = await prepared()
  const orders: readonly [near: string, order: readonly string[]][] = [
    ['e1', ['e1', 'e4', 'e2', 'e3']],
    ['E2', ['e2', 'e4', 'e1', 'e3']],
    ['e3', ['e1', 'e2', 'e3', 'e4']],
    ['nobody', ['e1', 'e2', 'e3', 'e4']],
    ['', ['e1', 'e2', 'e3', 'e4']],
  ]
  const ServiceName = 'web'
  for (const [near, order] of orders) {
    const options = { near }
    const { value: nodes } = await rpc.read('Catalog.ListNodes', {}, options)
    t.strictSame(
      nodes.map(({ Node }) => Node),
      order,
      `nodes near ${near}`,
    )
    const { value: services } = await rpc.read('Catalog.ServiceNodes', { ServiceName }, options)
    t.strictSame(
      services.map(({ Node }) => Node),
      order,
      `services near ${near}`,
    )
    const { value: instances } = await rpc.read('Health.ServiceNodes', { ServiceName }, options)
    t.strictSame(
      instances.map(({ Node }) => Node.Node),
      order,
      `instances near ${near}`,
    )
    const { value: checks } = await rpc.read('Health.ServiceChecks', { ServiceName }, options)
    t.strictSame(
      checks.map(({ Node }) => Node),
      order,
      `checks near ${near}`,
    )
    const { value: all } = await rpc.read('Health.ChecksInState', { State: 'any' }, options)
    t.strictSame(
      all.map(({ Node }) => Node),
      order,
      `checks in a state near ${near}`,
    )
  }
})

t.test('an order is as new as the coordinates, though the answer is remembered', async (t) => {
  const { rpc, leader } = await prepared()
  const read = () => rpc.read('Health.ServiceNodes', { ServiceName: 'web' }, { near: 'e1' })
  const before = await read()
  leader.log.apply('coordinates-update', { Updates: [at('e3', 0.4)] })
  const after = await read()
  t.strictSame(
    after.value.map(({ Node }) => Node.Node),
    ['e1', 'e3', 'e4', 'e2'],
  )
  t.equal(after.meta.index, before.meta.index, 'and no index moves for it')
  t.equal(after.value[0], before.value[0], 'rows are the same rows')
})

t.test('where nodes stand can be read and waited for', async (t) => {
  const { rpc, leader } = await prepared()
  const { value, meta } = await rpc.read('Coordinate.ListNodes', {})
  t.strictSame(value, [at('e1', 0.4), at('e2', 0.1), at('e4', 0.25)])
  const options = { minIndex: meta.index, waitMs: 60_000 }
  const one = rpc.read('Coordinate.Node', { Node: 'e1' }, options)
  const all = rpc.read('Coordinate.ListNodes', {}, options)
  leader.log.apply('coordinates-update', { Updates: [at('e2', 0.2)] })
  t.strictSame((await all).value[1], at('e2', 0.2))
  leader.log.apply('coordinates-update', { Updates: [at('e1', 0.5)] })
  t.strictSame((await one).value, [at('e1', 0.5)], 'who waits for a node sleeps through others')
})

t.test('an update is noted at once, if it can be a place here', async (t) => {
  const { rpc, leader } = await prepared()
  await rpc.write('Coordinate.Update', at('e1', 1))
  t.strictSame(leader.located, [at('e1', 1)])
  const wrong = (Vec: number[]): NodeCoordinate => ({ ...at('e1', 0), Coord: { ...origin, Vec } })
  await t.rejects(rpc.write('Coordinate.Update', wrong([1, 2])), {
    message: 'incompatible coordinate',
  })
  await t.rejects(rpc.write('Coordinate.Update', wrong([Number.NaN, 0, 0, 0, 0, 0, 0, 0])), {
    message: 'invalid coordinate',
  })
  t.equal(leader.located.length, 1)
})
