import type { IncomingMessage, ServerResponse } from 'node:http'

import { endWith, write } from './answer.ts'
import type { HeaderList } from './headers.ts'
import { Parameters } from './parameters.ts'
import { redirect } from './path.ts'
import type { RouteTable } from './route-table.ts'

/** The methods that routes are declared for; anything else ends in `refuse` without passing the router. */
export const routedMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])

/**
 * Answers what no route has taken: `OPTIONS`, a method that the path does not have, a path that lacks its closing slash, a path
 * that is unknown. Only the first two are routed answers, with the standing headers.
 */
export function refuse(
  raw: ServerResponse,
  url: string,
  options: {
    readonly table: RouteTable
    readonly standing: HeaderList
    readonly isBlocked: (url: string) => boolean
    /** Where the root leads, if anywhere. */
    readonly rootPage: string | undefined
  },
): void {
  const { table, standing, isBlocked, rootPage } = options
  const [, path = '', query = ''] = /^([^?]*)(\?.*)?$/s.exec(url) ?? []
  const methods = table.methodsOf(decodeURIComponent(path))
  if (path === '/') answerRoot(raw, rootPage)
  else if (!methods) {
    if (table.has(`${path}/*`)) redirect(raw, `${path}/${query}`)
    else endWith(raw, 404, ['Content-Length', 0], '')
  } else if (new Parameters(query.slice(1)).malformed) write(raw, 500, standing, '')
  else if (isBlocked(url))
    write(raw, 403, [...textType, ...standing], 'Endpoint is blocked by agent configuration')
  else {
    const method = methodOf(raw.req)
    const allow = ['Allow', ['OPTIONS', ...methods].join(',')]
    if (method === 'OPTIONS') write(raw, 200, [...allow, ...standing], '')
    else write(raw, 405, [...allow, ...textType, ...standing], `method ${method} not allowed`)
  }
}

const textType = ['Content-Type', 'text/plain; charset=utf-8']
const methodOf = (request: IncomingMessage): string => request.method ?? ''

/** The root is no endpoint: whatever the method, it leads to the UI or says what this is. */
function answerRoot(raw: ServerResponse, page: string | undefined): void {
  const text = 'Consul Agent'
  if (page !== undefined) redirect(raw, page)
  else endWith(raw, 200, [...textType, 'Content-Length', text.length], text)
}
