import type { Fields, Shape } from '../shape.ts'

/** How one method goes over the wire: its own fields; those of every method (query.ts) stand beside them. */
export interface WireMethod<Args, Reply> {
  readonly args: FieldsShape<Args>
  readonly reply: ReplyShape<Args, Reply>
}

export interface FieldsShape<Value> {
  readonly toWire: (value: Value) => Fields
  readonly fromWire: (wire: Fields) => Value
}

/** A reply may need the question to be understood. */
export interface ReplyShape<Args, Reply> {
  readonly toWire: (reply: Reply, args: Args) => unknown
  readonly fromWire: (wire: unknown, args: Args) => Reply
}

/** A struct as the fields of a message. */
export function asFields<Value>(shape: Shape<Value>): FieldsShape<Value> {
  return { toWire: (value) => shape.toWire(value) as Fields, fromWire: shape.fromWire }
}

/** A read's reply: rows in one field of a struct whose others are the meta. */
export function inField<Args, Reply>(name: string, shape: Shape<Reply>): ReplyShape<Args, Reply> {
  return {
    toWire: (reply) => ({ [name]: shape.toWire(reply) }),
    fromWire: (wire) => shape.fromWire((wire as Fields)[name]),
  }
}

/** Go's way to say "nothing but that it went well". */
export const nothing: ReplyShape<unknown, void> = {
  toWire: () => ({}),
  fromWire: () => undefined,
}
