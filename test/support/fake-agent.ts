import { directoryPage } from '../../api/page.ts'
import type { ApiPorts, ApiSettings, LocalAgent } from '../../api/ports.ts'
import type { KvEntry, KvWrite, KvWriteVerb } from '../../server/model/kv.ts'
import type { Rpc } from '../../server/model/methods.ts'
import type { QueryMeta, QueryOptions } from '../../server/model/query.ts'
import { memoryGossip } from './gossip.ts'

/** What a test heard the API ask, in order. */
export interface Asked {
  readonly method: string
  readonly args: unknown
  readonly options: unknown
}

export type FakeMethods = Partial<Record<string, (args: never, options: QueryOptions) => unknown>>

export const meta: QueryMeta = {
  index: 7,
  knownLeader: true,
  lastContactMs: 0,
  consistency: 'default',
}

/**
 * An Rpc that answers what a test tells it to and remembers what it was asked. The key/value methods work on a map, since they
 * are what most tests of HTTP itself ask for.
 */
export function fakeRpc(methods: FakeMethods = {}): Rpc & { readonly asked: Asked[] } {
  const rows = new Map<string, KvEntry>()
  let index = 7
  const all: FakeMethods = {
    'KVS.Get': ({ Key }: { Key: string }) => rows.get(Key),
    'KVS.List': ({ Key }: { Key: string }) =>
      [...rows.values()].filter((row) => row.Key.startsWith(Key)),
    'KVS.ListKeys': ({ Prefix }: { Prefix: string }) =>
      [...rows.keys()].filter((key) => key.startsWith(Prefix)),
    'KVS.Apply': ({ Op, DirEnt }: { Op: KvWriteVerb; DirEnt: KvWrite }) => {
      index += 1
      const before = rows.get(DirEnt.Key)
      if (Op.startsWith('delete')) rows.delete(DirEnt.Key)
      else
        rows.set(DirEnt.Key, {
          LockIndex: 0,
          Key: DirEnt.Key,
          Flags: DirEnt.Flags,
          Value: DirEnt.Value,
          CreateIndex: before?.CreateIndex ?? index,
          ModifyIndex: index,
        })
      return true
    },
    ...methods,
  }
  const asked: Asked[] = []
  const run = (method: string, args: unknown, options: QueryOptions): unknown => {
    asked.push({ method, args, options })
    const answer = all[method]
    if (!answer) throw new Error(`the fake has no ${method}`)
    return answer(args as never, options)
  }
  return {
    asked,
    read: async (method, args, options = {}) => {
      const value = (await run(method, args, options)) as never
      return { value, meta: { ...meta, index, consistency: options.consistency ?? 'default' } }
    },
    write: async (method, args, options = {}) => (await run(method, args, options)) as never,
  }
}

export function fakePorts(given: {
  readonly rpc?: Rpc
  readonly agent?: Partial<LocalAgent>
  readonly status?: Partial<ApiPorts['status']>
  readonly snapshots?: Partial<ApiPorts['snapshots']>
  readonly operator?: Partial<ApiPorts['operator']>
  readonly gossip?: ApiPorts['gossip']
}): ApiPorts {
  return {
    rpc: given.rpc ?? fakeRpc(),
    agent: { nodeName: 'n1', datacenter: 'dc1', ...given.agent } as LocalAgent,
    status: {
      leader: async () => '127.0.0.1:8300',
      peers: async () => ['127.0.0.1:8300'],
      datacenters: async () => ['dc1'],
      ...given.status,
    },
    snapshots: given.snapshots as ApiPorts['snapshots'],
    operator: given.operator as ApiPorts['operator'],
    gossip: given.gossip ?? memoryGossip(),
  }
}

export const fakeSettings: ApiSettings = {
  pretty: false,
  kvValueSizeMaxBytes: 524_288,
  txnSizeMaxBytes: 524_288,
  defaultQueryTimeMs: 300_000,
  maxQueryTimeMs: 600_000,
  uiEnabled: true,
  page: directoryPage('/nowhere'),
  uiContentPath: '/ui/',
  allowWriteFrom: [],
  blockEndpoints: [],
  responseHeaders: {},
  translateWanAddresses: false,
  filterUnprintable: true,
  useCache: true,
  discoveryMaxStaleMs: 0,
  disableCoordinates: false,
  connectionsPerClientMax: 200,
}
