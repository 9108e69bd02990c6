import { checkFields, serviceNodeFields } from '../filter/fields.ts'
import type { HealthCheck, ServiceNode } from '../model/check.ts'
import type { ReadMethods } from '../model/methods.ts'
import type { QueryOptions } from '../model/query.ts'
import { connectInstancesOf, instancesOf, listed } from '../state/instances.ts'
import { nodeKey, onNode } from '../state/schema.ts'
import type { Indexed, Store } from '../state/store.ts'
import type { WatchSet } from '../state/watch.ts'
import type { EndpointTable } from './call.ts'
import type { ReadResult } from './method.ts'
import { nearestFirst } from './near.ts'
import { askedMeta, filtered, hasMeta, tagsTest } from './selection.ts'

export const healthEndpoints = {
  'Health.ServiceNodes': {
    kind: 'read',
    run: serviceNodes,
    remember: true,
    arrange: (store, rows, near) => nearestFirst(store, rows, near, ({ Node }) => Node.Node),
  },

  'Health.NodeChecks': {
    kind: 'read',
    run: (store, { Node }, query, watch) =>
      checks(store, store.checks.withPrefix(onNode(Node), watch), query),
  },

  'Health.ServiceChecks': {
    kind: 'read',
    run(store, { ServiceName }, query, watch) {
      const name = ServiceName.toLowerCase()
      const rows = checks(store, store.checks.by('service', name, watch), query)
      if (!askedMeta(query)) return rows
      // Whether a row is in the answer is then for its node to say, and that moves the service's index.
      const { index } = instancesOf(store, ServiceName, 'health', watch)
      return { ...rows, index }
    },
    arrange: checksNearestFirst,
  },

  'Health.ChecksInState': {
    kind: 'read',
    run(store, { State }, query, watch) {
      const found =
        State === 'any' ? store.checks.all(watch) : store.checks.by('status', State, watch)
      const rows = checks(store, found, query)
      // Consul stands at the checks even so, and never tells who waits that a node's metadata changed.
      return askedMeta(query)
        ? { ...rows, index: Math.max(rows.index, store.maxIndex(['nodes'], watch)) }
        : rows
    },
    arrange: checksNearestFirst,
  },
} satisfies Pick<
  EndpointTable,
  'Health.ServiceNodes' | 'Health.NodeChecks' | 'Health.ServiceChecks' | 'Health.ChecksInState'
>

/** Nobody has ingress gateways yet, so nothing stands behind one. */
const noIngress: ReadResult<readonly ServiceNode[]> = { index: 0, value: [] }

function serviceNodes(
  store: Store,
  args: ReadMethods['Health.ServiceNodes']['args'],
  query: QueryOptions,
  watch?: WatchSet,
): ReadResult<readonly ServiceNode[]> {
  const {
    ServiceName,
    ServiceTags = [],
    Connect = false,
    Ingress = false,
    PassingOnly = false,
  } = args
  if (Ingress) return noIngress
  const { index, value } = (Connect ? connectInstancesOf : instancesOf)(
    store,
    ServiceName,
    'health',
    watch,
  )
  const meta = askedMeta(query)
  const tagged = tagsTest(ServiceTags)
  const rows =
    ServiceTags.length === 0 && !PassingOnly && !meta
      ? value
      : value.filter(
          ({ Node, Service, Checks }) =>
            tagged(Service.Tags) &&
            (!PassingOnly || Checks.every(({ Status }) => Status === 'passing')) &&
            (!meta || hasMeta(Node.Meta, meta)),
        )
  return {
    index,
    value: filtered(rows, query, serviceNodeFields),
    ...(value.length === 0 ? { remember: false } : {}),
  }
}

function checksNearestFirst(
  store: Store,
  rows: readonly HealthCheck[],
  near: string,
): readonly HealthCheck[] {
  return nearestFirst(store, rows, near, ({ Node }) => Node)
}

/** Checks stand at the index of all checks; what wakes who waits for them is narrower. */
function checks(
  store: Store,
  found: Iterable<HealthCheck>,
  query: QueryOptions,
): Indexed<readonly HealthCheck[]> {
  const rows = Array.from(found, listed)
  const meta = askedMeta(query)
  const asked = meta
    ? rows.filter(({ Node }) => hasMeta(store.nodes.get(nodeKey(Node))?.Meta ?? null, meta))
    : rows
  return { index: store.maxIndex(['checks']), value: filtered(asked, query, checkFields) }
}
