import { PraetorError } from '../../server/model/errors.ts'
import { fencesMax, type Fence } from '../../server/model/kv.ts'
import { parseUnsigned64 } from '../../server/model/unsigned.ts'
import type { Parameters } from './parameters.ts'

/** The fences of a write, each `fence=KEY:INDEX`; a key may hold colons itself. Nothing where there is none. */
export function fencesOf(query: Parameters): { readonly Fences?: readonly Fence[] } {
  const given = query.all('fence')
  if (given.length === 0) return {}
  if (given.length > fencesMax)
    throw new PraetorError(
      'bad-request',
      `A write may have ${fencesMax} fences and not ${given.length}`,
    )
  return { Fences: given.map(fence) }
}

function fence(text: string): Fence {
  const at = text.lastIndexOf(':')
  const index = parseUnsigned64(text.slice(at + 1))
  if (at <= 0 || !index.ok || !Number.isSafeInteger(index.value))
    throw new PraetorError(
      'bad-request',
      `Invalid fence ${JSON.stringify(text)}: it must be KEY:INDEX, the lock and the ModifyIndex it was read at`,
    )
  return { Key: text.slice(0, at), Index: Number(index.value) }
}
