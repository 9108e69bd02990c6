import { catalogServiceFields, nodeFields, serviceFields } from '../filter/fields.ts'
import type { ServiceNode } from '../model/check.ts'
import type { ReadMethods } from '../model/methods.ts'
import type { QueryOptions } from '../model/query.ts'
import type { CatalogService, Service } from '../model/service.ts'
import { connectInstancesOf, instancesOf } from '../state/instances.ts'
import { findNodeByNameOrId } from '../state/nodes.ts'
import { onNode } from '../state/schema.ts'
import { namesAndTags } from '../state/service-names.ts'
import type { Store } from '../state/store.ts'
import type { WatchSet } from '../state/watch.ts'
import type { EndpointTable } from './call.ts'
import type { ReadResult } from './method.ts'
import { nearestFirst } from './near.ts'
import { checkDeregistration, completeRegistration } from './registration.ts'
import { askedMeta, filtered, hasMeta, tagsTest } from './selection.ts'

export const catalogEndpoints = {
  'Catalog.ListNodes': {
    kind: 'read',
    remember: true,
    run(store, _args, query, watch) {
      const meta = askedMeta(query)
      const all = [...store.nodes.all()]
      const nodes = meta ? all.filter(({ Meta }) => hasMeta(Meta, meta)) : all
      return { index: store.maxIndex(['nodes'], watch), value: filtered(nodes, query, nodeFields) }
    },
    arrange: (store, rows, near) => nearestFirst(store, rows, near, ({ Node }) => Node),
  },

  'Catalog.ListServices': { kind: 'read', remember: true, run: listServices },

  'Catalog.ServiceNodes': {
    kind: 'read',
    remember: true,
    run: serviceNodes,
    arrange: (store, rows, near) => nearestFirst(store, rows, near, ({ Node }) => Node),
  },

  'Catalog.NodeServices': {
    kind: 'read',
    run(store, { Node: nameOrId }, query, watch) {
      const node = findNodeByNameOrId(store, nameOrId, watch)
      const rows = node ? store.services.withPrefix(onNode(node.Node), watch) : []
      // A filter that makes no sense is refused whether or not there is such a node.
      const Services = filtered(
        Array.from(rows, (row) => withTags(row.Service)),
        query,
        serviceFields,
      )
      return node
        ? { index: store.maxIndex(['nodes', 'services']), value: { Node: node, Services } }
        : { index: 0, value: undefined }
    },
  },

  'Catalog.Register': {
    kind: 'write',
    run: async ({ datacenter, propose }, registration) =>
      propose('register', completeRegistration(registration, datacenter)),
  },

  'Catalog.Deregister': {
    kind: 'write',
    async run({ datacenter, propose }, gone) {
      checkDeregistration(gone, datacenter)
      return propose('deregister', gone)
    },
  },
} satisfies Pick<
  EndpointTable,
  | 'Catalog.ListNodes'
  | 'Catalog.ListServices'
  | 'Catalog.ServiceNodes'
  | 'Catalog.NodeServices'
  | 'Catalog.Register'
  | 'Catalog.Deregister'
>

function listServices(
  store: Store,
  _args: ReadMethods['Catalog.ListServices']['args'],
  query: QueryOptions,
  watch?: WatchSet,
): ReadResult<Readonly<Record<string, readonly string[]>>> {
  const meta = askedMeta(query)
  return {
    index: store.maxIndex(meta ? ['nodes', 'services'] : ['services'], watch),
    value: Object.fromEntries(meta ? tagsOnNodes(store, meta) : namesAndTags(store)),
  }
}

/** The services on nodes with this metadata, and their tags, both in order. */
function tagsOnNodes(
  store: Store,
  meta: Readonly<Record<string, string>>,
): [name: string, tags: string[]][] {
  const tagsOf = new Map<string, Set<string>>()
  for (const node of store.nodes.all()) {
    if (!hasMeta(node.Meta, meta)) continue
    for (const { Service } of store.services.withPrefix(onNode(node.Node))) {
      const tags = tagsOf.get(Service.Service) ?? new Set()
      for (const tag of Service.Tags ?? []) tags.add(tag)
      tagsOf.set(Service.Service, tags)
    }
  }
  return Array.from(tagsOf.keys().toArray().toSorted(), (name) => [
    name,
    [...(tagsOf.get(name) ?? [])].toSorted(),
  ])
}

function serviceNodes(
  store: Store,
  args: ReadMethods['Catalog.ServiceNodes']['args'],
  query: QueryOptions,
  watch?: WatchSet,
): ReadResult<readonly CatalogService[]> {
  const { ServiceName, ServiceTags = [], Connect = false } = args
  const found = (Connect ? connectInstancesOf : instancesOf)(store, ServiceName, 'catalog', watch)
  const meta = askedMeta(query)
  const tagged = tagsTest(ServiceTags)
  const rows = found.value
    .filter(({ Node, Service }) => tagged(Service.Tags) && (!meta || hasMeta(Node.Meta, meta)))
    .map(flat)
  return {
    index: found.index,
    value: filtered(rows, query, catalogServiceFields),
    ...(found.value.length === 0 ? { remember: false } : {}),
  }
}

function flat({ Node, Service }: ServiceNode): CatalogService {
  return {
    ID: Node.ID,
    Node: Node.Node,
    Address: Node.Address,
    Datacenter: Node.Datacenter,
    TaggedAddresses: Node.TaggedAddresses,
    NodeMeta: Node.Meta,
    ServiceKind: Service.Kind ?? '',
    ServiceID: Service.ID,
    ServiceName: Service.Service,
    ServiceTags: Service.Tags,
    ServiceAddress: Service.Address,
    ...(Service.TaggedAddresses ? { ServiceTaggedAddresses: Service.TaggedAddresses } : {}),
    ServiceWeights: Service.Weights,
    ServiceMeta: Service.Meta ?? {},
    ServicePort: Service.Port,
    ServiceEnableTagOverride: Service.EnableTagOverride,
    ServiceProxy: Service.Proxy,
    ServiceConnect: Service.Connect,
    CreateIndex: Service.CreateIndex,
    ModifyIndex: Service.ModifyIndex,
  }
}

function withTags(service: Service): Service {
  return service.Tags === null ? { ...service, Tags: [] } : service
}
