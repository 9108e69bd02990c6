import type { FieldSet } from '../filter/fields.ts'
import { createFilter } from '../filter/filter.ts'
import type { QueryOptions } from '../model/query.ts'

/** The ways in which a reader asks for some rows only. Each asks more: a row has to satisfy them all. */
export function filtered<Row>(
  rows: readonly Row[],
  { filter = '' }: QueryOptions,
  fields: FieldSet,
): readonly Row[] {
  return filter === '' ? rows : rows.filter(createFilter<Row>(filter, fields))
}

/** Whether a node has all of the metadata asked for. */
export function hasMeta(
  meta: Readonly<Record<string, string>> | null,
  asked: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(asked).every(
    ([key, value]) => meta !== null && Object.hasOwn(meta, key) && meta[key] === value,
  )
}

/** The metadata asked for, unless that is none: reads without it are the rule, and skip the looking. */
export function askedMeta({
  nodeMeta,
}: QueryOptions): Readonly<Record<string, string>> | undefined {
  return nodeMeta === undefined || Object.keys(nodeMeta).length === 0 ? undefined : nodeMeta
}

/** Says whether an instance has all of the tags asked for, whatever their case. */
export function tagsTest(asked: readonly string[]): (tags: readonly string[] | null) => boolean {
  if (asked.length === 0) return () => true
  const wanted = asked.map((tag) => tag.toLowerCase())
  return (tags) =>
    tags !== null && wanted.every((tag) => tags.some((own) => own.toLowerCase() === tag))
}
