import type { IncomingMessage } from 'node:http'

import type { FastifyReply, RouteOptions } from 'fastify'

import { inNetworks } from '../../server/model/networks.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { Metrics } from '../../server/runtime/metrics.ts'
import type { Request } from '../request.ts'
import { answerError } from './errors.ts'

export interface Around {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
  /** Whether the operator has closed this path. */
  readonly isBlocked: (path: string) => boolean
  /** Whether the operator lets this client write. */
  readonly mayWrite: (raw: IncomingMessage) => boolean
}

type Handler = (request: Request, reply: FastifyReply) => Promise<void>

/**
 * What happens before and after every handler (Consul's `wrap`): a malformed query or a closed path ends the request, errors become
 * answers, and the time it all took is measured. Done by one function instead of fastify's hooks, since it runs for each request.
 */
export function wrapHandler(route: RouteOptions, around: Around): Handler {
  const handle = route.handler as unknown as Handler
  const metric = metricName(String(route.method), route.url)
  const { clock, metrics, log, isBlocked, mayWrite } = around
  const isRead = route.method === 'GET' || route.method === 'HEAD'
  return async (request, reply) => {
    const startedMs = clock.monotonicMs()
    try {
      if (request.query.malformed) reply.empty(500)
      else if (isBlocked(request.raw.url ?? ''))
        reply.plain(403, 'Endpoint is blocked by agent configuration')
      else if (!isRead && !mayWrite(request.raw)) reply.plain(403, 'Access is restricted')
      else await handle(request, reply)
    } catch (thrown) {
      answerError(reply, thrown, log)
    }
    metrics.sample(metric, clock.monotonicMs() - startedMs)
  }
}

/** `GET /v1/kv/*` is counted as `http.GET.v1.kv._`. */
function metricName(method: string, url: string): string {
  return ['http', method, ...url.split('/').slice(1)]
    .map((part) => (part === '*' ? '_' : part))
    .join('.')
}

/** Consul blocks by prefix of the decoded path. */
export function blockedBy(prefixes: readonly string[]): (url: string) => boolean {
  if (prefixes.length === 0) return () => false
  return (url) => {
    const path = decodeURIComponent(/^[^?]*/.exec(url)?.[0] ?? '')
    return prefixes.some((prefix) => path.startsWith(prefix))
  }
}

/** Who may write is told by network. A Unix socket has no address, so once there are networks it is in none. */
export function writableFrom(networks: readonly string[]): (raw: IncomingMessage) => boolean {
  if (networks.length === 0) return () => true
  const isAllowed = inNetworks(networks)
  return ({ socket: { remoteAddress: address } }) => address !== undefined && isAllowed(address)
}
