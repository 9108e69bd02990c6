import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

import { fastify } from 'fastify'

import type { Clock } from '../server/runtime/clock.ts'
import type { Log } from '../server/runtime/log.ts'
import type { Metrics } from '../server/runtime/metrics.ts'
import { type ListenAddress, listen, type Listener } from './listen.ts'
import { endWith, installAnswers } from './plugins/answer.ts'
import { blockedBy, wrapHandler } from './plugins/around.ts'
import { standingHeaders } from './plugins/headers.ts'
import { refuse, routedMethods, RouteTable } from './plugins/method.ts'
import { parseParameters } from './plugins/parameters.ts'
import { examine, isPlain, redirect } from './plugins/path.ts'
import type { ApiPorts, ApiSettings } from './ports.ts'
import { families } from './routes/table.ts'

export interface Api {
  /** May be called for several addresses. Rejects when one can't be had. */
  listen(address: ListenAddress): Promise<Listener>
  /** Stops listening everywhere and ends what is under way. */
  close(): Promise<void>
  /** Every request comes in here, whatever it came over. */
  readonly handle: RequestListener
  readonly routes: RouteTable
}

/** Consul's HTTP API over what the node gives. The README has the picture of a request's way through it. */
export async function createApi(
  ports: ApiPorts,
  settings: ApiSettings,
  deps: { readonly log: Log; readonly metrics: Metrics; readonly clock: Clock },
): Promise<Api> {
  const standing = standingHeaders(settings)
  const isBlocked = blockedBy(settings.blockEndpoints)
  const table = new RouteTable()
  const refusal = { table, standing, isBlocked }

  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: {
      // Keys may be as long as a request's head allows.
      maxParamLength: Number.MAX_SAFE_INTEGER,
      querystringParser: parseParameters as never,
    },
  })
  // Bodies are read where they are wanted, with Consul's limits and whatever their content type.
  for (const method of ['PUT', 'POST', 'DELETE'])
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  app.addHook('onRoute', (route) => {
    table.add(route.url, String(route.method))
    route.handler = wrapHandler(route, { ...deps, isBlocked }) as typeof route.handler
  })
  installAnswers(app, { standing, pretty: settings.pretty })
  for (const family of families) family(app, ports, settings)
  app.setNotFoundHandler((request, reply) => refuse(reply.raw, request.raw.url ?? '', refusal))
  await app.ready()

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    let url = request.url ?? ''
    if (!isPlain(url)) {
      const arrival = examine(url, settings)
      if (arrival.kind === 'redirect') return redirect(response, arrival.location)
      if (arrival.kind === 'unprintable') return endWith(response, 400, ['Content-Length', 0], '')
      if (arrival.kind === 'malformed') return refuseMalformed(response)
      request.url = url = arrival.url
    }
    if (routedMethods.has(request.method ?? '')) return app.routing(request, response)
    return refuse(response, url, refusal)
  }

  const listeners: Listener[] = []
  return {
    handle,
    routes: table,
    async listen(address) {
      const listener = await listen(address, handle, settings)
      listeners.push(listener)
      return listener
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()))
      await app.close()
    },
  }
}

function refuseMalformed(response: ServerResponse): void {
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Connection', 'close']
  endWith(response, 400, headers, '400 Bad Request')
}
