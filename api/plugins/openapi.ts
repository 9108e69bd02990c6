import type { FastifySchema } from 'fastify'
import { Type } from 'typebox'

import { praetorVersion } from '../../server/model/version.ts'
import type { App } from '../request.ts'
import type { RouteTable } from './route-table.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** For the documentation alone: a `body` would be validated. */
    requestBody?: unknown
    summary?: string
  }
}

/** Serves the description of all routes, made of their schemas. TypeBox schemas are JSON Schema, which OpenAPI 3.1 takes as it is. */
export function describeApi(app: App, table: RouteTable): void {
  app.get('/v1/openapi.json', { schema }, async (_request, reply) => reply.json(document(table)))
}

export function document(table: RouteTable) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Praetor',
      version: praetorVersion,
      description:
        "The HTTP API of Consul 1.8. Errors are plain text; the README of the API's room says more.",
    },
    paths: Object.fromEntries(
      [...table.urls()].map(([url, methods]) => [
        pathOf(url),
        Object.fromEntries(
          [...methods].map(([method, schema]) => [method.toLowerCase(), operation(schema)]),
        ),
      ]),
    ),
  }
}

export const pathOf = (url: string): string => url.replace('*', '{name}')

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>
}

function operation(schema: FastifySchema) {
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
      : { requestBody: { content: { 'application/json': { schema: requestBody } } } }),
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
  readonly requestBody?: unknown
  readonly response?: Readonly<Record<string, unknown>>
}

const entries = (schema: ObjectSchema | undefined) => Object.entries(schema?.properties ?? {})

const schema = {
  summary: 'This description',
  response: { 200: Type.Record(Type.String(), Type.Unknown()) },
}
