import type { Request } from '../request.ts'

/** The token a request carries: `?token=`, then `X-Consul-Token`, then a bearer; `''` where there is none. */
export function tokenOf(request: Request): string {
  const { headers, query } = request
  const parameter = query.get('token')
  if (parameter !== '') return parameter
  const header = headers['x-consul-token']
  if (header !== undefined) return String(header)
  return headers.authorization === undefined ? '' : bearer(headers.authorization)
}

/** RFC 6750 §2.1. The scheme's case doesn't matter (RFC 9110 §11.1). */
function bearer(authorization: string): string {
  const [scheme = '', credentials = ''] = authorization.trim().split(/\s+/, 2)
  return scheme.toLowerCase() === 'bearer' ? credentials : ''
}
