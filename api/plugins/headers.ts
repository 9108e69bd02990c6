import type { QueryMeta } from '../../server/model/query.ts'

/** Headers as node:http takes them fastest: name, value, name, value. */
export type HeaderList = readonly (string | number)[]

/** What every routed answer carries: `Vary`, since all of them may be gzipped, and what the operator asked for. */
export function standingHeaders(settings: {
  readonly responseHeaders: Readonly<Record<string, string>>
  readonly translateWanAddresses: boolean
}): HeaderList {
  const headers = new Map([['Vary', 'Accept-Encoding']])
  for (const [name, value] of Object.entries(settings.responseHeaders))
    headers.set(canonicalName(name), value)
  if (settings.translateWanAddresses) headers.set('X-Consul-Translate-Addresses', 'true')
  return [...headers].flat()
}

/** Go's spelling on the wire: `x-consul-index` is `X-Consul-Index`. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}

/** What a client blocks on next, and how fresh the answer is. Zero would read as "don't block", so it is sent as one. */
export function indexHeaders(meta: QueryMeta): HeaderList {
  return [
    'X-Consul-Index',
    meta.index < 1 ? '1' : meta.index,
    'X-Consul-Knownleader',
    meta.knownLeader ? 'true' : 'false',
    'X-Consul-Lastcontact',
    Math.round(meta.lastContactMs),
  ]
}

/** The same without the index, for what can't be blocked on. */
export function freshnessHeaders(meta: QueryMeta): HeaderList {
  return indexHeaders(meta).slice(2)
}

/** Catalog and health say beside that which consistency the answer had. */
export function discoveryHeaders(meta: QueryMeta): HeaderList {
  const mode = meta.consistency === 'default' ? 'leader' : meta.consistency
  return ['X-Consul-Effective-Consistency', mode, ...indexHeaders(meta)]
}
