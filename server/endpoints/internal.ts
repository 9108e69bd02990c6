import { nodeDumpFields, serviceNodeFields } from '../filter/fields.ts'
import { createFilter } from '../filter/filter.ts'
import type { NodeDump } from '../model/node-dump.ts'
import type { Node } from '../model/node.ts'
import { findNode } from '../state/nodes.ts'
import { nodeKey, onNode } from '../state/schema.ts'
import type { Store } from '../state/store.ts'
import type { WatchSet } from '../state/watch.ts'
import type { EndpointTable } from './call.ts'
import { filtered } from './selection.ts'

/** What the UI asks for: rows as the tables have them, with `null` where nothing was given. */
export const internalEndpoints = {
  'Internal.NodeInfo': {
    kind: 'read',
    run(store, { Node: name }, _query, watch) {
      watch?.add(store.nodes.topic(nodeKey(name)))
      const node = findNode(store, name)
      return { index: store.maxIndex(tables), value: node ? [dump(store, node, watch)] : [] }
    },
  },

  'Internal.NodeDump': {
    kind: 'read',
    run(store, _args, { filter = '' }, watch) {
      const nodes = Array.from(store.nodes.all(), (node) => dump(store, node))
      const accepts = createFilter(filter, nodeDumpFields)
      return {
        index: store.maxIndex(tables, watch),
        value: filter === '' ? nodes : nodes.filter((row) => accepts(spelled(row))),
      }
    },
  },

  'Internal.ServiceDump': {
    kind: 'read',
    run: (store, _args, query, watch) => ({
      index: store.maxIndex(tables, watch),
      value: filtered([...store.instances.all()], query, serviceNodeFields),
    }),
  },
} satisfies Pick<EndpointTable, 'Internal.NodeInfo' | 'Internal.NodeDump' | 'Internal.ServiceDump'>

const tables = ['nodes', 'services', 'checks'] as const

function dump(store: Store, node: Node, watch?: WatchSet): NodeDump {
  const here = onNode(node.Node)
  return {
    node,
    services: Array.from(store.services.withPrefix(here, watch), ({ Service }) => Service),
    checks: [...store.checks.withPrefix(here, watch)],
  }
}

/** The row as the API spells it, since that is what a filter speaks of. */
function spelled({ node, services, checks }: NodeDump): object {
  return { ...node, Services: services, Checks: checks }
}
