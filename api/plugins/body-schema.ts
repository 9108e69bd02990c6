import type { Kind, Struct } from '../../server/model/decode.ts'

/** What a route takes as its body: JSON, by the table that decodes it, or bytes as they come. */
export type Body = { readonly json: Kind } | { readonly bytes: string }

type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON Schema of bodies, made of the tables by which they are decoded, so that neither can say what the other doesn't. A struct
 * is described once, under Go's name for it, and referred to: some contain themselves.
 */
export class BodySchemas {
  /** What the schemas given so far refer to, by name. */
  readonly structs: Record<string, JsonSchema> = {}

  describe(body: Body): JsonSchema {
    return 'json' in body
      ? { 'application/json': { schema: this.#schemaOf(body.json) } }
      : { 'application/octet-stream': { schema: { description: body.bytes } } }
  }

  #schemaOf(kind: Kind): JsonSchema {
    if (typeof kind === 'string') return scalars[kind]
    if ('named' in kind) return this.#schemaOf(kind.as)
    if ('list' in kind) return { type: ['array', 'null'], items: this.#schemaOf(kind.list) }
    if ('map' in kind)
      return { type: ['object', 'null'], additionalProperties: this.#schemaOf(kind.map) }
    return this.#refer(kind)
  }

  #refer(struct: Struct): JsonSchema {
    if (!(struct.name in this.structs)) {
      // In its place before its fields are, since they may lead back to it.
      const properties: Record<string, JsonSchema> = {}
      this.structs[struct.name] = {
        type: 'object',
        properties,
        ...(struct.open ? {} : { additionalProperties: false }),
      }
      for (const { api, kind } of struct.fields())
        if (api[0] !== undefined) properties[api[0]] = this.#schemaOf(kind)
    }
    return { $ref: `#/components/schemas/${struct.name}` }
  }
}

const scalars: Readonly<Record<Extract<Kind, string>, JsonSchema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int: { type: 'integer' },
  float: { type: 'number' },
  unsigned: { type: 'integer', format: 'uint64', minimum: 0 },
  bytes: { type: 'string', contentEncoding: 'base64' },
  duration: { type: ['string', 'integer'], description: 'Such as 10s; a number is nanoseconds.' },
  any: {},
}
