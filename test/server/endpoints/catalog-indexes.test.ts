import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'

import t from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import { Catalog } from '../../support/catalog.ts'
import type { LooseRegistration, Read } from '../../support/catalog.ts'

/**
 * What Consul 1.8.7 said of a history of registrations: after each step the index of every read that moved, and which of the
 * reads that were waiting came back. The first indexes are those of its own start.
 */
interface Recorded {
  readonly reads: readonly string[]
  readonly base: Readonly<Record<string, number>>
  readonly steps: readonly Step[]
}

interface Step {
  readonly name: string
  readonly verb: 'register' | 'deregister'
  readonly body: LooseRegistration
  readonly status: number
  readonly text: string
  readonly index: Readonly<Record<string, number>>
  readonly woken: readonly string[]
}

const recorded = JSON.parse(
  await readFile(new URL('../../golden/catalog.json', import.meta.url), 'utf8'),
) as Recorded

/** Where we stay at the index we had, and Consul's moves though nothing that one can read changed. */
const unmoved: Readonly<Record<string, (path: string) => boolean>> = {
  // It writes the same row again.
  'the check of web again, the same': () => true,
  // It counts the end of a node's check as a change of services, without waking those who wait for them.
  'the check of the node goes': (path) =>
    path.startsWith('catalog/services') || path.startsWith('catalog/node/'),
}

/**
 * Where Consul's index is another by design: proxies stand at that of all services, checks by a node's metadata don't move with
 * it, and HTTP tells none for a node that isn't there.
 */
function isIncomparable(path: string, index: number): boolean {
  return path === 'catalog/connect/web' || path === 'health/state/any?node-meta=a:b' || index === 0
}

/**
 * Reads that wake whenever their index moves, where Consul moves the index and lets the client sleep unless a row changed that
 * it shows. All others wake when Consul's do, or less often.
 */
const wakesMore = /^catalog\/service\/|^catalog\/connect\/|\?node-meta/

t.test('indexes move as in Consul', async (t) => {
  const catalog = await likeTheFirstServer()
  const consul = { ...recorded.base }
  t.strictSame(comparable(indexes(catalog), consul), comparable(consul, consul), 'at the start')
  for (const step of recorded.steps) {
    t.equal(await carryOut(catalog, step), step.text, `${step.name}: the answer`)
    for (const [path, index] of Object.entries(step.index))
      if (unmoved[step.name]?.(path) !== true) consul[path] = index
    t.strictSame(comparable(indexes(catalog), consul), comparable(consul, consul), step.name)
  }
})

t.test('a watcher wakes when its answer changed, and no more often than in Consul', async (t) => {
  const catalog = await likeTheFirstServer()
  for (const step of recorded.steps) {
    const waiting = recorded.reads.map((path) => {
      const { method, args, query } = readOf(path)
      const before = catalog.read(method, args, query)
      const wake = catalog.watch(readOf(path))
      return () => ({ path, ...wake(), before, after: catalog.read(method, args, query) })
    })
    await carryOut(catalog, step)
    for (const { path, touched, woken, before, after } of waiting.map((wake) => wake())) {
      const name = `${step.name}: ${path}`
      if (!isDeepStrictEqual(before, after)) t.ok(touched, `${name} changed and wakes`)
      if (woken && !wakesMore.test(path))
        t.ok(step.woken.includes(path), `${name} wakes only where Consul's does`)
    }
  }
  t.equal(catalog.log.store.watchers.size, 0, 'nobody is left waiting')
})

function comparable(
  of: Readonly<Record<string, number>>,
  consul: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(of).filter(([path]) => !isIncomparable(path, consul[path] ?? 0)),
  )
}

/** A server that has registered itself, in three entries, the last of which changed its node. */
async function likeTheFirstServer(): Promise<Catalog> {
  const catalog = new Catalog()
  catalog.log.index = 9
  const node = { Node: 'n1', Address: '127.0.0.1', ID: 'df34ba5e-53a5-8937-a89a-adfc547f5271' }
  await catalog.register({
    ...node,
    Service: { Service: 'consul' },
    Check: { CheckID: 'serfHealth', Status: 'passing' },
  })
  await catalog.register({ ...node, SkipNodeUpdate: true })
  await catalog.register({ ...node, NodeMeta: { 'consul-network-segment': '' } })
  return catalog
}

/** As HTTP would answer. A refused registration is an entry of the log all the same. */
async function carryOut(catalog: Catalog, { verb, body }: Step): Promise<string> {
  try {
    await catalog[verb](body)
    return 'true'
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    return error.message
  }
}

function indexes(catalog: Catalog): Record<string, number> {
  return Object.fromEntries(recorded.reads.map((path) => [path, catalog.index(readOf(path))]))
}

/** A read by its path in the HTTP API. */
function readOf(path: string): Read {
  const [route = '', parameters = ''] = path.split('?')
  const [room = '', what = '', ...rest] = route.split('/')
  const name = rest.join('/')
  const query = parameters.startsWith('node-meta') ? { nodeMeta: { a: 'b' } } : {}
  const reads: Readonly<Record<string, Read>> = {
    'catalog/nodes': { method: 'Catalog.ListNodes', args: {} },
    'catalog/services': { method: 'Catalog.ListServices', args: {} },
    'catalog/service': { method: 'Catalog.ServiceNodes', args: { ServiceName: name } },
    'catalog/connect': {
      method: 'Catalog.ServiceNodes',
      args: { ServiceName: name, Connect: true },
    },
    'catalog/node': { method: 'Catalog.NodeServices', args: { Node: name } },
    'health/service': {
      method: 'Health.ServiceNodes',
      args: { ServiceName: name, PassingOnly: parameters === 'passing' },
    },
    'health/connect': { method: 'Health.ServiceNodes', args: { ServiceName: name, Connect: true } },
    'health/node': { method: 'Health.NodeChecks', args: { Node: name } },
    'health/checks': { method: 'Health.ServiceChecks', args: { ServiceName: name } },
    'health/state': { method: 'Health.ChecksInState', args: { State: name } },
    'internal/ui/nodes': { method: 'Internal.NodeDump', args: {} },
    'internal/ui/node': {
      method: 'Internal.NodeInfo',
      args: { Node: name.slice('node/'.length) },
    },
    'internal/ui/services': { method: 'Internal.ServiceDump', args: {} },
  }
  const key = room === 'internal' ? `${room}/${what}/${rest[0]}` : `${room}/${what}`
  const read = reads[key]
  if (!read) throw new RangeError(`no read has the path ${path}`)
  return { ...read, query }
}
