import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { Parameters } from './plugins/parameters.ts'

/** What routes are typed with: parameters of our own reading, and the rest of a path that ends in `*`. */
export interface Asked {
  readonly Querystring: Parameters
  readonly Params: { readonly '*': string }
}

export type App = FastifyInstance
export type Request = FastifyRequest<Asked>
export type Reply = FastifyReply
