import type { IncomingMessage, ServerResponse } from 'node:http'

import { endWith, write } from './answer.ts'
import type { HeaderList } from './headers.ts'
import { Parameters } from './parameters.ts'
import { redirect } from './path.ts'

/** The paths there are, each with the methods it takes, in the order they were declared. */
export class RouteTable {
  readonly #methods = new Map<string, string[]>()

  add(url: string, method: string): void {
    const methods = this.#methods.get(url)
    if (methods) methods.push(method)
    else this.#methods.set(url, [method])
  }

  entries(): Iterable<readonly [url: string, methods: readonly string[]]> {
    return this.#methods
  }

  has(url: string): boolean {
    return this.#methods.has(url)
  }

  /** The methods of the path, as Go's mux finds it: exactly, else by the longest `prefix/*`. */
  methodsOf(path: string): readonly string[] | undefined {
    const exact = path.endsWith('*') ? undefined : this.#methods.get(path)
    if (exact) return exact
    for (
      let at = path.lastIndexOf('/');
      at >= 0;
      at = at === 0 ? -1 : path.lastIndexOf('/', at - 1)
    ) {
      const methods = this.#methods.get(`${path.slice(0, at)}/*`)
      if (methods) return methods
    }
    return undefined
  }
}

/** The methods that routes are declared for; anything else ends in `refuse` without passing the router. */
export const routedMethods: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'DELETE'])

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
  },
): void {
  const { table, standing, isBlocked } = options
  const [, path = '', query = ''] = /^([^?]*)(\?.*)?$/s.exec(url) ?? []
  const methods = table.methodsOf(decodeURIComponent(path))
  if (!methods) {
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
