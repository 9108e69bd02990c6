import { PraetorError } from '../../server/model/errors.ts'
import type { Request } from '../request.ts'

/** The rest of the path, which must be something. */
export function requireName(request: Request, mistake: string): string {
  const name = request.params['*']
  if (name === '') throw new PraetorError('bad-request', mistake)
  return name
}
