import type { HealthCheck, ServiceNode } from '../../server/model/check.ts'
import { noPathToDatacenter } from '../../server/model/errors.ts'
import type { ReadMethod, ReadMethods, ReadReply, Rpc } from '../../server/model/methods.ts'
import type { Node } from '../../server/model/node.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import type { Service } from '../../server/model/service.ts'

/** One instance and its node, in as few words as a test wants. */
export interface Instance {
  readonly node: string
  readonly address: string
  readonly service?: string
  readonly port?: number
  readonly own?: string
  readonly tags?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
  readonly nodeTagged?: Readonly<Record<string, string>>
  readonly tagged?: Readonly<Record<string, string>>
  readonly status?: string
  readonly weights?: readonly [passing: number, warning: number]
  readonly proxyFor?: string
}

/** A cluster that remembers its answers as a real one does: the identical value until something changes. */
export class Catalog implements Pick<Rpc, 'read'> {
  readonly asked: { method: ReadMethod; args: unknown; options: QueryOptions | undefined }[] = []
  /** What every read rejects with, if anything. */
  failure: unknown = undefined
  lastContactMs = 0
  #rows: readonly ServiceNode[]
  #remembered = new Map<string, unknown>()

  constructor(instances: readonly Instance[]) {
    this.#rows = instances.map(rowOf)
  }

  replace(instances: readonly Instance[]): void {
    this.#rows = instances.map(rowOf)
    this.#remembered = new Map()
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options?: QueryOptions,
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    this.asked.push({ method, args, options })
    if (this.failure !== undefined) return Promise.reject(this.failure)
    if (!['', 'dc1'].includes(options?.datacenter ?? ''))
      return Promise.reject(noPathToDatacenter())
    const key = `${method} ${JSON.stringify(args)}`
    if (!this.#remembered.has(key)) this.#remembered.set(key, this.#answer(method, args as Args))
    const value = this.#remembered.get(key) as ReadMethods[M]['reply']
    const { lastContactMs } = this
    const meta = { index: 1, knownLeader: true, lastContactMs, consistency: 'stale' } as const
    return Promise.resolve({ value, meta })
  }

  #answer(method: ReadMethod, args: Args): unknown {
    const nodes = [...new Map(this.#rows.map(({ Node }) => [Node.Node, Node])).values()]
    switch (method) {
      case 'Catalog.ListNodes':
        return nodes
      case 'Internal.ServiceDump':
        return this.#rows.filter(({ Service }) => Service.Service !== '')
      case 'Catalog.NodeServices': {
        const node = nodes.find(({ Node }) => same(Node, args.Node))
        return node === undefined ? undefined : { Node: node, Services: [] }
      }
      case 'Health.ServiceNodes':
        return this.#rows.filter(({ Service }) =>
          args.Connect === true
            ? Service.Proxy['DestinationServiceName'] === args.ServiceName
            : same(Service.Service, args.ServiceName) && hasTags(Service, args.ServiceTags ?? []),
        )
      default:
        throw new Error(`unexpected ${method}`)
    }
  }
}

interface Args {
  readonly Node?: string
  readonly ServiceName?: string
  readonly ServiceTags?: readonly string[]
  readonly Connect?: boolean
}

function same(one: string, other: string | undefined): boolean {
  return one !== '' && one.toLowerCase() === other?.toLowerCase()
}

function hasTags(service: Service, tags: readonly string[]): boolean {
  return tags.every((tag) => service.Tags?.some((own) => same(own, tag)))
}

function rowOf(instance: Instance): ServiceNode {
  const {
    node,
    address,
    service = '',
    port = 0,
    own = '',
    tags = [],
    status = 'passing',
  } = instance
  const [passing, warning] = instance.weights ?? [1, 1]
  const indexes = { CreateIndex: 1, ModifyIndex: 1 }
  const nodeRow: Node = {
    ID: '',
    Node: node,
    Address: address,
    Datacenter: 'dc1',
    TaggedAddresses: instance.nodeTagged ?? null,
    Meta: instance.meta ?? null,
    ...indexes,
  }
  const tagged = Object.entries(instance.tagged ?? {}).map(
    ([tag, Address]) => [tag, { Address, Port: 1 }] as const,
  )
  const serviceRow: Service = {
    ID: `${service}-${node}-${port}`,
    Service: service,
    Tags: [...tags],
    Address: own,
    TaggedAddresses: Object.fromEntries(tagged),
    Meta: null,
    Port: port,
    Weights: { Passing: passing, Warning: warning },
    EnableTagOverride: false,
    Proxy: instance.proxyFor === undefined ? {} : { DestinationServiceName: instance.proxyFor },
    Connect: {},
    ...indexes,
  }
  const check: HealthCheck = {
    Node: node,
    CheckID: 'check',
    Name: 'check',
    Status: status,
    Notes: '',
    Output: '',
    ServiceID: serviceRow.ID,
    ServiceName: service,
    ServiceTags: [],
    Type: '',
    Definition: {},
    ...indexes,
  }
  return { Node: nodeRow, Service: serviceRow, Checks: [check] }
}
