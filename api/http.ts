import type {
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  ServerResponse,
} from 'node:http'

import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'

import type { Clock } from '../server/runtime/clock.ts'
import type { Log } from '../server/runtime/log.ts'
import type { Metrics } from '../server/runtime/metrics.ts'
import { type ListenAddress, listen, type Listener, type SecureListening } from './listen.ts'
import { endWith, installAnswers } from './plugins/answer.ts'
import { blockedBy, wrapHandler, writableFrom } from './plugins/around.ts'
import { standingHeaders } from './plugins/headers.ts'
import { refuse, routedMethods } from './plugins/method.ts'
import { describeApi } from './plugins/openapi.ts'
import { parseParameters } from './plugins/parameters.ts'
import { escapePath, examine, isPlain, redirect } from './plugins/path.ts'
import { RouteTable } from './plugins/route-table.ts'
import type { ApiPorts, ApiSettings } from './ports.ts'
import { families } from './routes/table.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** No route of the API: it stands where another would be taken by mistake. */
    refused?: true
    /** Bodies that are not known as a whole before they are sent, either way. */
    streamed?: true
  }
}

export interface Api {
  /** May be called for several addresses. Rejects when one can't be had. */
  /** `over`: TLS as it is at the time; HTTP in the clear without it. */
  listen(address: ListenAddress, over?: SecureListening): Promise<Listener>
  /** Stops listening everywhere and ends what is under way. */
  close(): Promise<void>
  /** A read from inside the process, without a connection. The signal ends it, as it does when a client leaves. */
  ask(
    target: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<InsideAnswer>
  /** Every request comes in here, whatever it came over. */
  readonly handle: RequestListener
  readonly routes: RouteTable
}

export interface InsideAnswer {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<OutgoingHttpHeaders>
  readonly body: Buffer
}

/** Consul's HTTP API over what the node gives. The README has the picture of a request's way through it. */
export async function createApi(
  ports: ApiPorts,
  settings: ApiSettings,
  deps: { readonly log: Log; readonly metrics: Metrics; readonly clock: Clock },
): Promise<Api> {
  const standing = standingHeaders(settings)
  const isBlocked = blockedBy(settings.blockEndpoints)
  const mayWrite = writableFrom(settings.allowWriteFrom)
  const table = new RouteTable()
  const streamed = new Set<string>()
  const rootPage = settings.uiEnabled ? settings.uiContentPath : undefined
  const refusal = { table, standing, isBlocked, rootPage }

  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    // Ids are for a log of requests, and none is written.
    genReqId: () => '',
    // No schema reaches fastify, so its compilers, a hundred modules, are not loaded.
    schemaController: {
      compilersFactory: { buildValidator: neverCompiled, buildSerializer: neverCompiled },
    },
    routerOptions: {
      // Keys may be as long as a request's head allows.
      maxParamLength: Number.MAX_SAFE_INTEGER,
      querystringParser: parseParameters as never,
    },
  })
  // Bodies are read where they are wanted, with Consul's limits and whatever their content type.
  for (const method of ['PUT', 'POST', 'DELETE'])
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.addHook('onRoute', (route) => {
    if (route.config?.refused === true) return
    if (route.config?.streamed === true) streamed.add(route.url)
    table.add(route.url, String(route.method), route.schema)
    // Schemas document; the rules for what is accepted, and the words for what isn't, are Consul's.
    delete route.schema
    route.handler = wrapHandler(route, { ...deps, isBlocked, mayWrite }) as typeof route.handler
  })
  installAnswers(app, { standing, pretty: settings.pretty })
  for (const family of families) family(app, ports, settings)
  describeApi(app, table)
  const refuseHere = (request: FastifyRequest, reply: FastifyReply): void =>
    refuse(reply.raw, request.raw.url ?? '', refusal)
  for (const { url, method } of table.hidden())
    app.route({ url, method, config: { refused: true }, handler: refuseHere })
  app.setNotFoundHandler(refuseHere)
  await app.ready()

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (!isPlain(request.url ?? '') && !straighten(request, response)) return
    if (routedMethods.has(request.method ?? '')) app.routing(request, response)
    else refuse(response, request.url ?? '', refusal)
  }
  /** Spells an odd URL plainly; answers the request, and is false, where that isn't all there is to it. */
  const straighten = (request: IncomingMessage, response: ServerResponse): boolean => {
    const arrival = examine(request.url ?? '', settings)
    if (arrival.kind === 'route') request.url = arrival.url
    else if (arrival.kind === 'redirect') {
      const slash = table.has(`${arrival.path}/*`) && !table.has(arrival.path) ? '/' : ''
      redirect(response, escapePath(arrival.path + slash) + arrival.query)
    } else if (arrival.kind === 'unprintable') endWith(response, 400, ['Content-Length', 0], '')
    else refuseMalformed(response)
    return arrival.kind === 'route'
  }

  const isStreamed = (url: string): boolean => {
    if (isPlain(url)) return streamed.has(pathOf(url))
    const arrival = examine(url, settings)
    return arrival.kind === 'route' && streamed.has(pathOf(arrival.url))
  }

  const listeners: Listener[] = []
  return {
    handle,
    routes: table,
    async ask(url, headers, signal) {
      const answer = await app.inject({ method: 'GET', url, headers: { ...headers }, signal })
      return { status: answer.statusCode, headers: answer.headers, body: answer.rawPayload }
    },
    async listen(address, over) {
      const listener = await listen(address, handle, {
        connectionsPerClientMax: settings.connectionsPerClientMax,
        clock: deps.clock,
        isStreamed,
        ...(over === undefined ? {} : { over }),
        onTrouble: (err) => deps.log.warn({ err }, 'a connection could not be accepted'),
      })
      listeners.push(listener)
      return listener
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()))
      await app.close()
    },
  }
}

const pathOf = (url: string): string => {
  const at = url.indexOf('?')
  return at < 0 ? url : url.slice(0, at)
}

function refuseMalformed(response: ServerResponse): void {
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Connection', 'close']
  endWith(response, 400, headers, '400 Bad Request')
}

function neverCompiled(): never {
  throw new Error('no route has a schema for fastify')
}
