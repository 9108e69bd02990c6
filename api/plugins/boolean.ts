import { PraetorError } from '../../server/model/errors.ts'
import type { Request } from '../request.ts'

/** `?enable`, which must be there and be what Go's strconv.ParseBool reads. */
export function enableOf({ query }: Request): boolean {
  if (!query.has('enable')) throw new PraetorError('bad-request', 'Missing value for enable')
  const enable = parseBool(query.get('enable'))
  if (enable === undefined)
    throw new PraetorError(
      'bad-request',
      `Invalid value for enable: ${JSON.stringify(query.get('enable'))}`,
    )
  return enable
}

export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined
}
