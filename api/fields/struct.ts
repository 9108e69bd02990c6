import type { Field, Kind, Struct } from '../../server/model/decode.ts'

/** A Go struct as bodies of the API spell it: each field under its own name, upper or lower case being the same. */
export function struct(
  name: string,
  kinds: Readonly<Record<string, Kind>>,
  options: { readonly open?: true } = {},
): Struct {
  const fields: readonly Field[] = Object.entries(kinds).map(([field, kind]) => ({
    field,
    kind,
    api: [field],
    config: [],
  }))
  return { name, fields: () => fields, ...options }
}

export const strings: Kind = { list: 'string' }
export const stringMap: Kind = { map: 'string' }
export const checkId: Kind = { named: 'types.CheckID', as: 'string' }
/** State gives rows these; what a client sends is read, so that it can send back what it got, and dropped. */
export const indexes = { CreateIndex: 'unsigned', ModifyIndex: 'unsigned' } as const
