import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { encodePlainJson } from '../../server/model/json.ts'
import type { KvWrite, KvWriteVerb } from '../../server/model/kv.ts'
import type { Rpc } from '../../server/model/methods.ts'
import { parseUnsigned64, type Unsigned64 } from '../../server/model/unsigned.ts'
import { encodeEntry, Entry } from '../fields/kv.ts'
import { readBody } from '../plugins/body.ts'
import { fencesOf } from '../plugins/fence.ts'
import { acceptsGzip } from '../plugins/gzip.ts'
import { indexHeaders } from '../plugins/headers.ts'
import type { Parameters } from '../plugins/parameters.ts'
import { readOptions, refuseNamespace, writeOptions } from '../plugins/query.ts'
import type { App, Asked } from '../request.ts'
import { fence, reading, restOfPath, optional, writing } from '../schemas.ts'

/** The key/value store. A key is everything after `/v1/kv/`, decoded. */
export function kvRoutes(
  app: App,
  { rpc }: { readonly rpc: Rpc },
  settings: { readonly kvValueSizeMaxBytes: number },
): void {
  app.get<Asked>('/v1/kv/*', { schema: readSchema }, async (request, reply) => {
    const key = request.params['*']
    const { query } = request
    refuseNamespace(request)
    const options = readOptions(request)
    if (query.has('keys')) {
      const args = { Prefix: key, Separator: query.get('separator') }
      const { value, meta } = await rpc.read('KVS.ListKeys', args, options)
      // An empty store has no keys, which is different from there being no such key.
      if (value.length === 0 && key !== '') reply.empty(404, indexHeaders(meta))
      else reply.encoded(encodePlainJson(value), indexHeaders(meta))
    } else if (query.has('recurse')) {
      const { value, meta } = await rpc.read('KVS.List', { Key: key }, options)
      if (value.length === 0) reply.empty(404, indexHeaders(meta))
      else reply.encoded(`[${value.map(encodeEntry).join(',')}]`, indexHeaders(meta))
    } else {
      requireKey(key)
      const { value, meta } = await rpc.read('KVS.Get', { Key: key }, options)
      if (!value) reply.empty(404, indexHeaders(meta))
      else if (query.has('raw')) {
        // Consul's compressor has named itself before it finds nothing to compress.
        const zip = value.Value.length === 0 && acceptsGzip(request.headers['accept-encoding'])
        const headers = [...rawHeaders, ...(zip ? zipHeaders : []), ...indexHeaders(meta)]
        reply.typed('text/plain', value.Value, headers)
      } else reply.encoded(`[${encodeEntry(value)}]`, indexHeaders(meta))
    }
  })

  const limit = {
    sizeMaxBytes: settings.kvValueSizeMaxBytes,
    describe: (sizeBytes: number) =>
      `Request body(${sizeBytes} bytes) too large, max size: ${settings.kvValueSizeMaxBytes} bytes. ` +
      'See https://www.consul.io/docs/agent/options.html#kv_max_value_size.',
  }

  app.put<Asked>('/v1/kv/*', { schema: putSchema }, async (request, reply) => {
    const { query } = request
    const key = request.params['*']
    refuseNamespace(request)
    readOptions(request)
    requireKey(key)
    refuseConflict(query, ['cas', 'acquire', 'release'])
    const flags = query.has('flags') ? unsigned(query.get('flags')) : 0
    const condition = conditionOf(query)
    const fences = fencesOf(query)
    const value = await readBody(request.raw, limit)
    const { Op, ...entry } = condition
    const DirEnt = { Key: key, Flags: flags, Value: value, ...entry }
    const write = { Op, DirEnt, ...fences }
    reply.encoded(String(await rpc.write('KVS.Apply', write, writeOptions(request))))
  })

  app.delete<Asked>('/v1/kv/*', { schema: deleteSchema }, async (request, reply) => {
    const { query } = request
    const key = request.params['*']
    refuseNamespace(request)
    readOptions(request)
    if (!query.has('recurse')) requireKey(key)
    refuseConflict(query, ['recurse', 'cas'])
    const entry = { Key: key, Flags: 0, Value: nothing }
    const write: { Op: KvWriteVerb; DirEnt: KvWrite } = query.has('recurse')
      ? { Op: 'delete-tree', DirEnt: entry }
      : query.has('cas')
        ? {
            Op: 'delete-cas',
            DirEnt: { ...entry, ModifyIndex: Number(unsigned(query.get('cas'))) },
          }
        : { Op: 'delete', DirEnt: entry }
    const args = { ...write, ...fencesOf(query) }
    reply.encoded(String(await rpc.write('KVS.Apply', args, writeOptions(request))))
  })
}

const nothing = new Uint8Array(0)

/** A raw value must not be taken for a page by a browser that was led here. */
const rawHeaders = ['Content-Security-Policy', 'sandbox', 'X-Content-Type-Options', 'nosniff']
const zipHeaders = ['Content-Encoding', 'gzip']

function requireKey(key: string): void {
  if (key === '') throw new PraetorError('bad-request', 'Missing key name')
}

function refuseConflict(query: Parameters, flags: readonly string[]): void {
  if (query.text !== '' && flags.filter((flag) => query.has(flag)).length > 1)
    throw new PraetorError('bad-request', `Conflicting flags: ${query.encode()}`)
}

function conditionOf(query: Parameters): {
  Op: KvWriteVerb
  ModifyIndex?: number
  Session?: string
} {
  if (query.has('cas')) return { Op: 'cas', ModifyIndex: Number(unsigned(query.get('cas'))) }
  if (query.has('acquire')) return { Op: 'lock', Session: query.get('acquire') }
  if (query.has('release')) return { Op: 'unlock', Session: query.get('release') }
  return { Op: 'set' }
}

function unsigned(text: string): Unsigned64 {
  const parsed = parseUnsigned64(text)
  if (!parsed.ok) throw new PraetorError('failed', parsed.error)
  return parsed.value
}

const params = restOfPath('The key.')

const readSchema = {
  summary: 'Read a key, or all keys under a prefix',
  params,
  querystring: reading({
    recurse: optional('All entries whose keys begin with this one.'),
    keys: optional('Only the keys that begin with this one.'),
    separator: optional('With keys: cut each key after the next separator.'),
    raw: optional('The value itself instead of JSON.'),
  }),
  response: { 200: Type.Union([Type.Array(Entry), Type.Array(Type.String())]) },
}

const putSchema = {
  summary: 'Write a key',
  params,
  querystring: writing({
    flags: optional('A number to keep with the value, up to 64 bits.'),
    cas: optional('Write only if the ModifyIndex is this one; 0: if there is no such key.'),
    acquire: optional('Lock the key for this session.'),
    release: optional('Give up the lock of this session.'),
    fence,
  }),
  requestBody: { bytes: 'The value.' },
  response: { 200: Type.Boolean() },
}

const deleteSchema = {
  summary: 'Delete a key, or all keys under a prefix',
  params,
  querystring: writing({
    recurse: optional('Delete all keys that begin with this one.'),
    cas: optional('Delete only if the ModifyIndex is this one.'),
    fence,
  }),
  response: { 200: Type.Boolean() },
}
