import { endpoints } from '../../server/endpoints/table.ts'
import { applyEntry, encodeCommand } from '../../server/fsm/apply.ts'
import type { Registration } from '../../server/model/registration.ts'
import { rebuildDerived } from '../../server/state/derived.ts'
import { Store } from '../../server/state/store.ts'
import { WatchSet } from '../../server/state/watch.ts'

/**
 * What the catalog costs on one core, without HTTP and disk: `node test/bench/catalog.bench.ts`. A service has ten instances on ten
 * nodes; each instance has a check, and so has each node.
 */
const nodes = 5000
const servicesPerNode = 10
const services = 5000
const reads = 100_000
const watchers = 5000

const store = new Store()
let index = 0

function apply(name: 'register', args: Registration): void {
  index += 1
  applyEntry(store, index, encodeCommand(name, args))
}

const nodeName = (n: number): string => `node-${n}.example`
const serviceOn = (n: number, nth: number): string =>
  `service-${(n * servicesPerNode + nth) % services}`

function plainCheck(CheckID: string, ServiceID: string, Status: string, node: number) {
  return {
    Node: nodeName(node),
    CheckID,
    Name: CheckID,
    Status,
    Notes: '',
    Output: '',
    ServiceID,
    ServiceName: '',
    ServiceTags: null,
    Type: '',
    Definition: {},
  }
}

function nodeRegistration(n: number, status = 'passing'): Registration {
  return {
    ID: `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`,
    Node: nodeName(n),
    Address: '10.0.0.1',
    Datacenter: 'dc1',
    TaggedAddresses: { lan: '10.0.0.1', wan: '10.0.0.1' },
    NodeMeta: { 'consul-network-segment': '' },
    SkipNodeUpdate: false,
    Checks: [plainCheck('serfHealth', '', status, n)],
  }
}

function serviceRegistration(n: number, nth: number, status = 'passing'): Registration {
  const name = serviceOn(n, nth)
  return {
    ...nodeRegistration(n),
    SkipNodeUpdate: true,
    Service: {
      ID: name,
      Service: name,
      Tags: ['primary', 'v1'],
      Address: '',
      Meta: { version: '1' },
      Port: 8080,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: { MeshGateway: {}, Expose: {} },
      Connect: {},
    },
    Checks: [plainCheck(`service:${name}`, name, status, n)],
  }
}

function measure(what: string, count: number, work: () => void): void {
  const start = performance.now()
  work()
  const ms = performance.now() - start
  const each = ((ms * 1000) / count).toFixed(2)
  console.log(
    `${what.padEnd(62)} ${each.padStart(9)} µs ${Math.round((count / ms) * 1000)
      .toString()
      .padStart(9)} /s`,
  )
}

measure(`register ${nodes} nodes, each with its check`, nodes, () => {
  for (let n = 0; n < nodes; n += 1) apply('register', nodeRegistration(n))
})
for (let nth = 0; nth < servicesPerNode; nth += 1)
  measure(`register ${nodes} instances with a check each (${nth * nodes} there)`, nodes, () => {
    for (let n = 0; n < nodes; n += 1) apply('register', serviceRegistration(n, nth))
  })
measure('register an instance again, the same', nodes, () => {
  for (let n = 0; n < nodes; n += 1) apply('register', serviceRegistration(n, 3))
})
measure('a check of a service turns', nodes, () => {
  for (let n = 0; n < nodes; n += 1) apply('register', serviceRegistration(n, 3, 'warning'))
})
measure(`a check of a node turns, with ${servicesPerNode} services there`, nodes, () => {
  for (let n = 0; n < nodes; n += 1) apply('register', nodeRegistration(n, 'warning'))
})

const healthOf = endpoints['Health.ServiceNodes']
const catalogOf = endpoints['Catalog.ServiceNodes']
for (const round of ['cold', 'warm']) {
  measure(`Health.ServiceNodes, 10 instances, ${round}`, reads, () => {
    for (let i = 0; i < reads; i += 1)
      healthOf.run(store, { ServiceName: `service-${(i * 7919) % services}` }, {})
  })
  measure(`Health.ServiceNodes, passing only, by a tag, ${round}`, reads, () => {
    for (let i = 0; i < reads; i += 1)
      healthOf.run(
        store,
        { ServiceName: `service-${(i * 7919) % services}`, ServiceTags: ['v1'], PassingOnly: true },
        {},
      )
  })
  measure(`Catalog.ServiceNodes, 10 instances, ${round}`, reads, () => {
    for (let i = 0; i < reads; i += 1)
      catalogOf.run(store, { ServiceName: `service-${(i * 7919) % services}` }, {})
  })
}
measure(`Catalog.ListServices, ${services} names`, 10, () => {
  for (let i = 0; i < 10; i += 1) endpoints['Catalog.ListServices'].run(store, {}, {})
})

function watchAll(serviceOf: (watcher: number) => string): () => number {
  let woken = 0
  for (let i = 0; i < watchers; i += 1) {
    const watch = new WatchSet()
    healthOf.run(store, { ServiceName: serviceOf(i) }, {}, watch)
    store.watchers.once(watch.topics, () => {
      woken += 1
      healthOf.run(store, { ServiceName: serviceOf(i) }, {}, watch)
    })
  }
  return () => woken
}

const turns = 1000
function turnUnwatched(): void {
  for (let i = 0; i < turns; i += 1)
    apply('register', serviceRegistration(0, 0, i % 2 === 0 ? 'critical' : 'passing'))
}

measure('a check turns while nobody watches', turns, turnUnwatched)
const others = watchAll((i) => serviceOn(0, 1 + (i % (servicesPerNode - 1))))
measure(`a check turns while ${watchers} watch other services`, turns, turnUnwatched)
console.log(`woken: ${others()}`)
const all = watchAll(() => serviceOn(0, 0))
measure(`${watchers} watchers of one service wake and read again`, watchers, () =>
  apply('register', serviceRegistration(0, 0, 'critical')),
)
console.log(`woken: ${all()}`)

const rows = store.services.size
measure(`derive ${rows} instances and their names, as after a restore`, rows, () =>
  rebuildDerived(store),
)
