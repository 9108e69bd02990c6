import { decodeBody } from '../../api/plugins/decode.ts'
import { endOfValue, MalformedJson } from '../../api/plugins/go-json.ts'
import type { Field, Kind } from '../../server/model/decode.ts'
import { PraetorError } from '../../server/model/errors.ts'

/** A key as `kv export` writes it; the value is in base64. */
export interface ExportedKey {
  readonly key: string
  readonly flags: number | bigint
  readonly value: string
}

/** Reads what `kv export` wrote. Throws a PraetorError in the words of Go's decoder. */
export function readKvExport(data: Uint8Array): readonly ExportedKey[] {
  refuseMalformed(data)
  const rows = decodeBody(exported, data, failure) as readonly Partial<ExportedKey>[] | undefined
  return (rows ?? []).map(({ key = '', flags = 0, value = '' }) => ({ key, flags, value }))
}

const failure = 'Cannot unmarshal data: '

const fields: readonly Field[] = [
  { field: 'key', kind: 'string', api: ['key'], config: [] },
  { field: 'flags', kind: 'unsigned', api: ['flags'], config: [] },
  { field: 'value', kind: 'string', api: ['value'], config: [] },
]

const exported: Kind = {
  named: '[]*impexp.Entry',
  as: { list: { name: 'impexp.Entry', fields: () => fields, open: true } },
}

/** A whole document is one value, and nothing follows it. */
function refuseMalformed(data: Uint8Array): void {
  try {
    const rest = Buffer.from(data.subarray(endOfValue(data)))
      .toString('latin1')
      .trimStart()
    if (rest === '') return
    throw new MalformedJson(`invalid character '${rest.charAt(0)}' after top-level value`)
  } catch (error) {
    if (!(error instanceof MalformedJson)) throw error
    const what = /^(unexpected )?EOF$/.test(error.message)
      ? 'unexpected end of JSON input'
      : error.message
    throw new PraetorError('bad-request', failure + what)
  }
}
