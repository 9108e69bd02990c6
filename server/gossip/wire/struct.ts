import type { MsgpackReader } from './msgpack-reader.ts'
import type { MsgpackWriter } from './msgpack-writer.ts'

/** How a value stands on the wire. Reading throws Refused. */
export interface Form<Value> {
  write(writer: MsgpackWriter, value: Value): void
  read(reader: MsgpackReader): Value
}

/** A type that a field may have, with Go's zero of it. */
export interface FieldType<Value> extends Form<Value> {
  readonly zero: Value
  /** Go's `omitempty`: whether a field of this value is left out. */
  omits?(value: Value): boolean
}

/** A Go struct; nil, a pointer that points nowhere, is its zero. */
export interface Struct<Fields> extends FieldType<Fields> {
  readPointer(reader: MsgpackReader): Fields | undefined
}

type Types = Readonly<Record<string, FieldType<unknown>>>
type FieldsOf<Of extends Types> = {
  readonly [Name in keyof Of]: Of[Name] extends FieldType<infer Value> ? Value : never
}

/**
 * Go's way with structs, which memberlist's and Serf's messages are: a map of the fields by their Go names, written in alphabetical
 * order and read in any. A missing field is the zero of its type and an unknown one is skipped, so that older and newer members
 * understand each other.
 */
export function struct<Of extends Types>(types: Of): Struct<FieldsOf<Of>> {
  type Fields = FieldsOf<Of>
  const columns: readonly (readonly [keyof Of & string, FieldType<unknown>])[] = Object.entries(
    types,
  ).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const names = columns.map(([name]) => name)
  const zero = Object.fromEntries(columns.map(([name, type]) => [name, type.zero])) as Fields
  const mayOmit = columns.some(([, type]) => type.omits !== undefined)

  const readFields = (reader: MsgpackReader, count: number): Fields => {
    // What is nothing takes no room, however often it is sent.
    if (count === 0) return zero
    const fields: Partial<Record<keyof Of, unknown>> = { ...zero }
    for (let left = count; left > 0; left -= 1) {
      const name = reader.field(names)
      if (name === undefined) reader.skip()
      else fields[name] = types[name]?.read(reader)
    }
    return fields as Fields
  }

  return {
    zero,
    write(writer, fields) {
      const written = mayOmit
        ? columns.filter(([name, type]) => type.omits?.(fields[name]) !== true)
        : columns
      writer.map(written.length)
      for (const [name, type] of written) {
        writer.text(name)
        type.write(writer, fields[name])
      }
    },
    read: (reader) => readFields(reader, reader.fields()),
    readPointer(reader) {
      const count = reader.fields()
      return count === 0 ? undefined : readFields(reader, count)
    },
  }
}

/** What means something else than it says: `toWire` of it is written, and `fromWire` of what is read may throw Refused. */
export function meaning<Value, OnWire>(
  form: Form<OnWire>,
  toWire: (value: Value) => OnWire,
  fromWire: (onWire: OnWire) => Value,
): Form<Value> {
  return {
    write: (writer, value) => form.write(writer, toWire(value)),
    read: (reader) => fromWire(form.read(reader)),
  }
}

/** Integers from 0 to `max`. */
export function uint(max: number): FieldType<number> {
  return {
    zero: 0,
    write: (writer, value) => writer.uint(value),
    read: (reader) => reader.uint(max),
  }
}

export const uint8 = uint(0xff)
export const uint16 = uint(0xffff)
export const uint32 = uint(0xffff_ffff)
/** Go's int, for what is never negative. */
export const size = uint(Number.MAX_SAFE_INTEGER)

export const text: FieldType<string> = {
  zero: '',
  write: (writer, value) => writer.text(value),
  read: (reader) => reader.text(),
}

export const boolean: FieldType<boolean> = {
  zero: false,
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
}

export const double: FieldType<number> = {
  zero: 0,
  write: (writer, value) => writer.double(value),
  read: (reader) => reader.double(),
}

const nothing: Buffer = Buffer.alloc(0)

/** Bytes, nil where there are none. Read, they are a view of what is read from. */
export const raw: FieldType<Uint8Array> = {
  zero: nothing,
  write: (writer, value) => writer.raw(value),
  read: (reader) => reader.raw(),
}

/** The same, read as a copy that may be kept. */
export const bytes: FieldType<Uint8Array> = { ...raw, read: (reader) => reader.bytes() }

/** A slice of Go's of at most `itemsMax`; an empty one is written as it is, or as nil. */
export function list<Item>(
  type: Form<Item>,
  itemsMax: number,
  whenEmpty: 'empty' | 'nil' = 'empty',
): FieldType<readonly Item[]> {
  return {
    zero: [],
    write(writer, items) {
      if (items.length === 0 && whenEmpty === 'nil') return writer.nil()
      writer.array(items.length)
      for (const item of items) type.write(writer, item)
    },
    read(reader) {
      const items: Item[] = []
      for (let left = reader.items(itemsMax); left > 0; left -= 1) items.push(type.read(reader))
      return items
    },
  }
}

export function omitEmpty<Value extends number | string | Uint8Array>(
  type: FieldType<Value>,
): FieldType<Value> {
  return {
    ...type,
    omits: (value) => (value instanceof Uint8Array ? value.length === 0 : value === type.zero),
  }
}
