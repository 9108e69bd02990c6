import { must } from '../../server/model/assert.ts'
import type { Kind } from '../../server/model/decode.ts'
import { serviceStruct } from '../../server/model/definition-fields.ts'

/** The mesh parts of a service in the catalog are read like those of a definition. */
function kindOf(name: string): Kind {
  const field = serviceStruct.fields().find((known) => known.field === name)
  return must(field, `a service definition has ${name}`).kind
}

export const proxyKind = (): Kind => kindOf('Proxy')
export const connectKind = (): Kind => kindOf('Connect')
