import { Type } from 'typebox'

import { base64, encodePlainJson } from '../../server/model/json.ts'
import type { KvEntry } from '../../server/model/kv.ts'

/** One entry as Consul prints it. Put together by hand: this is the answer that is asked for most. */
export function encodeEntry(entry: KvEntry & { readonly omitValue?: boolean }): string {
  const withValue = entry.Value.length > 0 && entry.omitValue !== true
  const value = withValue ? `"${base64(entry.Value)}"` : 'null'
  const session = entry.Session === undefined ? '' : `,"Session":${encodePlainJson(entry.Session)}`
  return (
    `{"LockIndex":${entry.LockIndex},"Key":${encodePlainJson(entry.Key)},"Flags":${entry.Flags}` +
    `,"Value":${value}${session},"CreateIndex":${entry.CreateIndex},"ModifyIndex":${entry.ModifyIndex}}`
  )
}

/** The same, as OpenAPI knows it. */
export const Entry = Type.Object({
  LockIndex: Type.Integer(),
  Key: Type.String(),
  Flags: Type.Integer(),
  Value: Type.Union([Type.String({ format: 'byte' }), Type.Null()]),
  Session: Type.Optional(Type.String()),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
