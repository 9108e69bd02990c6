import type { FastifySchema } from 'fastify'
import { Type } from 'typebox'

import { praetorVersion } from '../../server/model/version.ts'
import type { App } from '../request.ts'
import { type Body, BodySchemas } from './body-schema.ts'
import type { RouteTable } from './route-table.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** For the documentation alone: a `body` would be validated. */
    requestBody?: Body
    summary?: string
  }
}

/** Serves the description of all routes, made of their schemas. TypeBox schemas are JSON Schema, which OpenAPI 3.1 takes as it is. */
export function describeApi(app: App, table: RouteTable): void {
  app.get('/v1/openapi.json', { schema }, async (_request, reply) => reply.json(document(table)))
}

export function document(table: RouteTable) {
  const bodies = new BodySchemas()
  const paths = Object.fromEntries(
    [...table.urls()]
      .filter(isApi)
      .map(([url, methods]) => [
        pathOf(url),
        Object.fromEntries(
          [...methods].map(([method, schema]) => [method.toLowerCase(), operation(schema, bodies)]),
        ),
      ]),
  )
  return {
    openapi: '3.1.0',
    info: {
      title: 'Praetor',
      version: praetorVersion,
      description:
        'The HTTP API of Consul 1.8. Errors are plain text. The fields of bodies may be written in upper or lower case, and null ' +
        'is as good as leaving them out.',
    },
    paths,
    components: { schemas: bodies.structs },
  }
}

const isApi = ([url]: readonly [url: string, ...unknown[]]): boolean => url.startsWith('/v1/')

export const pathOf = (url: string): string => url.replace('*', '{name}')

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>
}

function operation(schema: FastifySchema, bodies: BodySchemas) {
  const { summary, params, querystring, requestBody, response } = schema as Operation
  return {
    ...(summary === undefined ? {} : { summary }),
    parameters: [
      ...entries(params).map(([, { description, ...rest }]) => ({
        name: 'name',
        in: 'path',
        required: true,
        description,
        schema: rest,
      })),
      ...entries(querystring).map(([name, { description, ...rest }]) => ({
        name,
        in: 'query',
        description,
        schema: rest,
      })),
    ],
    ...(requestBody === undefined
      ? {}
      : { requestBody: { content: bodies.describe(requestBody) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(response ?? {}).map(([status, answer]) => [
          status,
          { description: '', content: { 'application/json': { schema: answer } } },
        ]),
      ),
      default: { description: 'An error', content: { 'text/plain': { schema: Type.String() } } },
    },
  }
}

interface Operation {
  readonly summary?: string
  readonly params?: ObjectSchema
  readonly querystring?: ObjectSchema
  readonly requestBody?: Body
  readonly response?: Readonly<Record<string, unknown>>
}

const entries = (schema: ObjectSchema | undefined) => Object.entries(schema?.properties ?? {})

const schema = {
  summary: 'This description',
  response: { 200: Type.Record(Type.String(), Type.Unknown()) },
}
