import { parseDuration } from '../../server/model/duration.ts'
import { noPathToDatacenter, PraetorError } from '../../server/model/errors.ts'
import type { Consistency, QueryOptions } from '../../server/model/query.ts'
import { parseUnsigned64 } from '../../server/model/unsigned.ts'
import type { Request } from '../request.ts'
import { noParameters, type Parameters } from './parameters.ts'
import { tokenOf } from './token.ts'

/** The options of a read, or a PraetorError in Consul's words. An abort signal is made only where the read may block. */
export function readOptions(request: Request): QueryOptions {
  const { query } = request
  const token = tokenOf(request)
  if (request.headers['cache-control'] !== undefined) checkCacheControl(request)
  if (query === noParameters) return token === '' ? plainRead : { token }
  const minIndex = indexOf(query)
  const waitMs = waitOf(query)
  const nodeMeta = nodeMetaOf(query)
  return {
    ...(token === '' ? {} : { token }),
    ...consistencyOf(query),
    ...(query.get('dc') === '' ? {} : { datacenter: query.get('dc') }),
    ...(query.get('filter') === '' ? {} : { filter: query.get('filter') }),
    ...(query.get('near') === '' ? {} : { near: query.get('near') }),
    ...(nodeMeta ? { nodeMeta } : {}),
    ...(minIndex > 0 ? { minIndex, waitMs, signal: request.signal } : {}),
  }
}

/** The same for the catalog and for health, where answers may be so old that don't have to be anything else; 0 for not at all. */
export function discoveryOptions(request: Request, maxStaleMs: number): QueryOptions {
  const options = readOptions(request)
  if (maxStaleMs <= 0 || consistencyParameters.some((name) => request.query.has(name)))
    return options
  return { ...options, consistency: 'stale', maxStaleMs }
}

const consistencyParameters = ['stale', 'consistent', 'leader', 'cached', 'max_stale']

const plainRead: QueryOptions = {}

/** What a write may be asked beside its own parameters. */
export function writeOptions(request: Request): {
  readonly token: string
  readonly datacenter: string
} {
  return { token: tokenOf(request), datacenter: request.query.get('dc') }
}

/** For what only this data centre can answer, and nobody forwards. */
export function refuseOtherDatacenter(asked: string, datacenter: string): void {
  if (asked !== '' && asked !== datacenter) throw noPathToDatacenter()
}

/** Namespaces are not part of what we speak, and a client that relies on them must be told. */
export function refuseNamespace(request: Request): void {
  if ((request.headers['x-consul-namespace'] ?? '') !== '')
    throw new PraetorError('bad-request', namespaces('header', 'X-Consul-Namespace'))
  if (request.query.get('ns') !== '')
    throw new PraetorError('bad-request', namespaces('query parameter', 'ns'))
}

const namespaces = (kind: string, name: string): string =>
  `Bad request: Invalid ${kind}: "${name}" - Namespaces are a Consul Enterprise feature`

/** How long to block, in milliseconds; 0 where nothing was said. */
export function waitOf(query: Parameters): number {
  const text = query.get('wait')
  if (text === '') return 0
  const wait = parseDuration(text)
  if (!wait.ok) throw new PraetorError('bad-request', 'Invalid wait time')
  return wait.ms
}

export function indexOf(query: Parameters): number {
  const text = query.get('index')
  if (text === '') return 0
  const index = parseUnsigned64(text)
  if (!index.ok) throw new PraetorError('bad-request', 'Invalid index')
  return Number(index.value)
}

function consistencyOf(query: Parameters): { consistency?: Consistency; maxStaleMs?: number } {
  const text = query.get('max_stale')
  const maxStale = text === '' ? undefined : parseDuration(text)
  if (maxStale?.ok === false)
    throw new PraetorError('bad-request', `Invalid max_stale value ${JSON.stringify(text)}`)
  const maxStaleMs = maxStale?.ms ?? 0
  const stale = query.has('stale') || maxStaleMs > 0
  if (query.has('consistent')) {
    if (stale) throw conflicting('stale')
    if (query.has('cached')) throw conflicting('cached')
    return { consistency: 'consistent' }
  }
  if (!stale) return {}
  return maxStaleMs > 0 ? { consistency: 'stale', maxStaleMs } : { consistency: 'stale' }
}

const conflicting = (mode: string): PraetorError =>
  new PraetorError(
    'bad-request',
    `Cannot specify ?${mode} with ?consistent, conflicting semantics.`,
  )

function nodeMetaOf(query: Parameters): Record<string, string> | undefined {
  if (!query.has('node-meta')) return undefined
  const meta: Record<string, string> = {}
  for (const pair of query.all('node-meta')) {
    const at = pair.indexOf(':')
    if (at < 0) meta[pair] = ''
    else meta[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return meta
}

/** Whatever they say, nothing is fresher than our answers (cached.ts); but a malformed one is an error for every client of Consul. */
function checkCacheControl(request: Request): void {
  const header = (request.headers['cache-control'] ?? '').trim().toLowerCase()
  if (header === '') return
  for (const directive of header.split(',')) {
    const [name = '', value] = directive.split('=', 2).map((part) => part.trim())
    if (name !== 'max-age' && name !== 'stale-if-error') continue
    if (value === undefined || !parseDuration(`${value}s`).ok || value.startsWith('-'))
      throw new PraetorError('bad-request', 'Invalid Cache-Control header.')
  }
}
