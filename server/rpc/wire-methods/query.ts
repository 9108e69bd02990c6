import { nanosecondsPerMs } from '../../model/duration.ts'
import { PraetorError } from '../../model/errors.ts'
import type { WriteId, WriteOptions } from '../../model/methods.ts'
import { isEmpty } from '../../model/omit-empty.ts'
import type { Consistency, QueryMeta, QueryOptions } from '../../model/query.ts'
import { fieldsOf, flag, integer, nullableMap, text } from '../shape.ts'
import type { Fields } from '../shape.ts'

/**
 * What lies beside every method's own fields. Go embeds QueryOptions, WriteRequest and QueryMeta, which on the wire are not a
 * struct within the struct: their fields stand among the others.
 */
export function queryFields(options: QueryOptions): Fields {
  const { consistency, minIndex = 0, waitMs = 0, maxStaleMs = 0, near = '' } = options
  return {
    Datacenter: options.datacenter ?? '',
    Token: options.token ?? '',
    ...(minIndex > 0 ? { MinQueryIndex: integer.toWire(minIndex) } : {}),
    ...(waitMs > 0 ? { MaxQueryTime: nanoseconds(waitMs) } : {}),
    ...(consistency === 'stale' ? { AllowStale: true } : {}),
    ...(consistency === 'consistent' ? { RequireConsistent: true } : {}),
    ...(maxStaleMs > 0 ? { MaxStaleDuration: nanoseconds(maxStaleMs) } : {}),
    ...(isEmpty(options.filter) ? {} : { Filter: options.filter }),
    ...(isEmpty(options.nodeMeta) ? {} : { NodeMetaFilters: options.nodeMeta }),
    ...(near === '' ? {} : { Source: { Datacenter: options.datacenter ?? '', Node: near } }),
  }
}

export function queryOf(wire: Fields): QueryOptions {
  const minIndex = integer.fromWire(wire['MinQueryIndex'])
  const waitMs = integer.fromWire(wire['MaxQueryTime']) / nanosecondsPerMs
  const maxStaleMs = integer.fromWire(wire['MaxStaleDuration']) / nanosecondsPerMs
  const filter = text.fromWire(wire['Filter'])
  const near = text.fromWire(fieldsOf(wire['Source'])['Node'])
  const nodeMeta = nullableMap(text).fromWire(wire['NodeMetaFilters'])
  return {
    ...writeOptionsOf(wire),
    consistency: consistencyOf(wire),
    ...(minIndex > 0 ? { minIndex } : {}),
    ...(waitMs > 0 ? { waitMs } : {}),
    ...(maxStaleMs > 0 ? { maxStaleMs } : {}),
    ...(filter === '' ? {} : { filter }),
    ...(near === '' ? {} : { near }),
    ...(isEmpty(nodeMeta) || nodeMeta === null ? {} : { nodeMeta }),
  }
}

function consistencyOf(wire: Fields): Consistency {
  const stale = flag.fromWire(wire['AllowStale'])
  const consistent = flag.fromWire(wire['RequireConsistent'])
  if (stale && consistent)
    throw new PraetorError(
      'bad-request',
      'Cannot specify ?stale with ?consistent, conflicting semantics.',
    )
  if (stale) return 'stale'
  return consistent ? 'consistent' : 'default'
}

/** `LastContact` is a duration, so nanoseconds; Consul 1.8 sends the level empty, and no client reads it here. */
export function metaFields({ index, knownLeader, lastContactMs }: QueryMeta): Fields {
  return {
    Index: index,
    LastContact: nanoseconds(lastContactMs),
    KnownLeader: knownLeader,
    ConsistencyLevel: '',
  }
}

export function metaOf(wire: Fields, consistency: Consistency = 'default'): QueryMeta {
  return {
    index: Math.max(1, integer.fromWire(wire['Index'])),
    knownLeader: flag.fromWire(wire['KnownLeader']),
    lastContactMs: Math.floor(integer.fromWire(wire['LastContact']) / nanosecondsPerMs),
    consistency,
  }
}

/** `Praetor` is ours, and nothing to a Consul: which write this is, so that sent twice it is carried out once. */
export function writeFields({ datacenter = '', token = '', id }: WriteOptions): Fields {
  return {
    Datacenter: datacenter,
    Token: token,
    ...(id === undefined
      ? {}
      : { PraetorWrite: { Origin: id.origin, Epoch: id.epoch, Sequence: id.sequence } }),
  }
}

export function writeOptionsOf(wire: Fields): WriteOptions {
  const datacenter = text.fromWire(wire['Datacenter'])
  const token = text.fromWire(wire['Token'])
  const id = writeIdOf(wire['PraetorWrite'])
  return {
    ...(datacenter === '' ? {} : { datacenter }),
    ...(token === '' ? {} : { token }),
    ...(id === undefined ? {} : { id }),
  }
}

function writeIdOf(wire: unknown): WriteId | undefined {
  if (wire === undefined || wire === null) return undefined
  const { Origin, Epoch, Sequence } = fieldsOf(wire)
  return {
    origin: text.fromWire(Origin),
    epoch: text.fromWire(Epoch),
    sequence: integer.fromWire(Sequence),
  }
}

function nanoseconds(ms: number): number {
  return Math.round(ms * nanosecondsPerMs)
}
