import fc from 'fast-check'
import t from 'tap'

import { digestOf } from '../../../server/fsm/snapshot.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { rebuildDerived } from '../../../server/state/derived.ts'
import { serviceIndex } from '../../../server/state/service-indexes.ts'
import type { Store } from '../../../server/state/store.ts'
import { Catalog } from '../../support/catalog.ts'
import type { LooseRegistration } from '../../support/catalog.ts'

type Act =
  | { readonly verb: 'register'; readonly body: LooseRegistration }
  | {
      readonly verb: 'deregister'
      readonly body: { readonly Node: string; readonly ServiceID: string; readonly CheckID: string }
    }

const node = fc.constantFrom('n1', 'N1', 'n2')
const serviceId = fc.constantFrom('', 'a', 'b', 'B')
const checkId = fc.constantFrom('', 'c', 'd')
const nodeId = fc.constantFrom(
  '',
  '11111111-1111-1111-1111-111111111111',
  '22222222-2222-2222-2222-222222222222',
)
const check = fc.record({
  CheckID: checkId,
  ServiceID: serviceId,
  Status: fc.constantFrom('passing', 'critical'),
})

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constant('register' as const),
      body: fc.record(
        {
          Node: node,
          ID: nodeId,
          Address: fc.constantFrom('1', '2'),
          Service: fc.record({
            ID: serviceId,
            Service: fc.constantFrom('web', 'Web', 'api'),
            Port: fc.constantFrom(1, 2),
            Tags: fc.subarray(['x', 'x', 'y']),
          }),
          Checks: fc.array(check, { maxLength: 2 }),
        },
        { requiredKeys: ['Node', 'Address'] },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('deregister' as const),
      body: fc.record({ Node: node, ServiceID: serviceId, CheckID: checkId }),
    }),
  },
)

const derived = (store: Store): unknown[] => [...store.instances.all(), ...store.serviceNames.all()]

t.test('what is derived is what deriving it anew would give', async (t) => {
  const holds = fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const catalog = new Catalog()
      const { store } = catalog.log
      for (const { verb, body } of acts) {
        const before = { digest: digestOf(store), derived: derived(store) }
        const isRefused = await refuses(catalog[verb](body))
        const kept = derived(store)
        if (isRefused) same(before, { digest: digestOf(store), derived: kept }, 'refused')
        rebuildDerived(store)
        same(kept, derived(store), 'rebuilt')
        same(indexedServices(store), namedServices(store), 'an index for each service')
      }
    }),
    { numRuns: 200 },
  )
  await t.resolves(holds)
})

async function refuses(write: Promise<void>): Promise<boolean> {
  try {
    await write
    return false
  } catch (error) {
    if (error instanceof PraetorError) return true
    throw error
  }
}

function indexedServices(store: Store): string[] {
  return Array.from(store.indexes.withPrefix('service.'), ({ Key }) => Key)
}

function namedServices(store: Store): string[] {
  const names = Array.from(store.services.all(), ({ Service }) => serviceIndex(Service.Service))
  return [...new Set(names)].toSorted()
}

function same(found: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what}: ${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`)
}
