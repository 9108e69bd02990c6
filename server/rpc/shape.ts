import { PraetorError } from '../model/errors.ts'
import { isEmpty } from '../model/omit-empty.ts'
import { narrow } from '../model/unsigned.ts'
import type { Unsigned64 } from '../model/unsigned.ts'

/**
 * How a value of ours goes over the wire and comes back. On the wire are Go's structs, slices and maps: a field that isn't there
 * has its zero value, and a nil slice or map is null. What comes may be anything; what can't be the value is a PraetorError.
 */
export interface Shape<Value> {
  readonly toWire: (value: Value) => unknown
  /** Given undefined or null, makes Go's zero value of it. */
  readonly fromWire: (wire: unknown) => Value
}

/** The fields of a Go struct as they are on the wire. */
export type Fields = Readonly<Record<string, unknown>>

export const text: Shape<string> = {
  toWire: (value) => value,
  fromWire(wire) {
    if (typeof wire === 'string') return wire
    if (isNil(wire)) return ''
    if (wire instanceof Uint8Array) return Buffer.from(wire).toString('utf8')
    throw mistaken('text', wire)
  },
}

export const flag: Shape<boolean> = {
  toWire: (value) => value,
  fromWire(wire) {
    if (typeof wire === 'boolean') return wire
    if (isNil(wire)) return false
    throw mistaken('a boolean', wire)
  },
}

/** Whole, and exact as a number: indexes, ports, nanoseconds. */
export const integer: Shape<number> = {
  // A number beyond what doubles count is asked for by nobody who means it, and is an integer all the same.
  toWire: (value) => (Number.isSafeInteger(value) ? value : bounded(value)),
  fromWire(wire) {
    if (typeof wire === 'number' && Number.isSafeInteger(wire)) return wire
    if (typeof wire === 'bigint') return Number(wire)
    if (isNil(wire)) return 0
    throw mistaken('an integer', wire)
  },
}

const leastInteger = -(2n ** 63n)
const greatestInteger = 2n ** 64n - 1n

/** What 64 bits can hold of it, with a sign or without. */
function bounded(value: number): bigint {
  if (Number.isNaN(value)) return 0n
  if (value >= 2 ** 64) return greatestInteger
  return value <= -(2 ** 63) ? leastInteger : BigInt(Math.trunc(value))
}

/** Any number, be it none: who takes it looks at that. */
export const float: Shape<number> = {
  toWire: (value) => value,
  fromWire(wire) {
    if (typeof wire === 'number') return wire
    if (typeof wire === 'bigint') return Number(wire)
    if (isNil(wire)) return 0
    throw mistaken('a number', wire)
  },
}

/** What belongs to a client and must come back digit for digit. */
export const unsigned64: Shape<Unsigned64> = {
  toWire: (value) => value,
  fromWire(wire) {
    if (typeof wire === 'bigint' && wire >= 0n) return narrow(wire)
    if (typeof wire === 'number' && Number.isSafeInteger(wire) && wire >= 0) return wire
    if (isNil(wire)) return 0
    throw mistaken('an unsigned integer', wire)
  },
}

/** In the old spec bytes and text look alike, so bytes that happen to be UTF-8 come as text. Empty bytes go as nil, as Consul keeps them. */
export const bytes: Shape<Uint8Array> = {
  toWire: (value) => (value.length === 0 ? null : value),
  fromWire(wire) {
    if (wire instanceof Uint8Array) return wire
    if (typeof wire === 'string') return Buffer.from(wire, 'utf8')
    if (isNil(wire)) return noBytes
    throw mistaken('bytes', wire)
  },
}
const noBytes = new Uint8Array(0)

/** Whatever it is, as it is. */
export const anything: Shape<unknown> = { toWire: (value) => value, fromWire: (wire) => wire }

/** A list; an empty one goes as nil, as in the answers of Consul's state. */
export function list<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  const items = someList(item)
  return {
    toWire: (value) => (value.length === 0 ? null : items.toWire(value)),
    fromWire: (wire) => (isNil(wire) ? [] : items.fromWire(wire)),
  }
}

/** A list that tells empty from nil. */
export function nullableList<Item>(item: Shape<Item>): Shape<readonly Item[] | null> {
  const items = someList(item)
  return {
    toWire: (value) => (value === null ? null : items.toWire(value)),
    fromWire: (wire) => (isNil(wire) ? null : items.fromWire(wire)),
  }
}

function someList<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  return {
    toWire: (value) => value.map((one) => item.toWire(one)),
    fromWire(wire) {
      if (!Array.isArray(wire)) throw mistaken('a list', wire)
      return wire.map((one: unknown) => item.fromWire(one))
    },
  }
}

export function map<Item>(item: Shape<Item>): Shape<Readonly<Record<string, Item>>> {
  return {
    toWire: (value) => mapped(value, item.toWire),
    fromWire: (wire) => (isNil(wire) ? {} : mapped(fieldsOf(wire), item.fromWire)),
  }
}

/** A map that tells empty from nil. */
export function nullableMap<Item>(item: Shape<Item>): Shape<Readonly<Record<string, Item>> | null> {
  const items = map(item)
  return {
    toWire: (value) => (value === null ? null : items.toWire(value)),
    fromWire: (wire) => (isNil(wire) ? null : items.fromWire(wire)),
  }
}

/** A map as Go prints it, and so as rows keep it: by its keys. Of ours that is so anyway; Go's own wire has no order. */
function mapped<From, To>(
  value: Readonly<Record<string, From>>,
  item: (one: From) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.keys(value)
      .toSorted(byCodeUnit)
      .map((key) => [key, item(value[key] as From)]),
  )
}

function byCodeUnit(a: string, b: string): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

/** A field that our rows leave out where Go has its zero value; `isZero` is asked of what came. */
export function omitted<Value>(
  shape: Shape<Value>,
  isZero: (value: Value) => boolean = isEmpty,
): Shape<Value | undefined> {
  return {
    toWire: (value) => (value === undefined ? undefined : shape.toWire(value)),
    fromWire(wire) {
      const value = shape.fromWire(wire)
      return isZero(value) ? undefined : value
    },
  }
}

/** A pointer in Go: nil where we have nothing. */
export function pointer<Value>(shape: Shape<Value>): Shape<Value | undefined> {
  return {
    toWire: (value) => (value === undefined ? null : shape.toWire(value)),
    fromWire: (wire) => (isNil(wire) ? undefined : shape.fromWire(wire)),
  }
}

/** A struct whose fields are ours one by one, under the same name unless `spelled` says another. */
export function struct<Row extends object>(
  fields: { readonly [Name in keyof Row]-?: Shape<Row[Name]> },
  spelled: { readonly [Name in keyof Row]?: string } = {},
): Shape<Row> {
  const entries = (Object.entries(fields) as [keyof Row & string, Shape<unknown>][]).map(
    ([name, shape]) => ({ name, shape, wireName: spelled[name] ?? name }),
  )
  return {
    toWire(row) {
      const wire: Record<string, unknown> = {}
      for (const { name, shape, wireName } of entries) wire[wireName] = shape.toWire(row[name])
      return wire
    },
    fromWire(wire) {
      const given = isNil(wire) ? {} : fieldsOf(wire)
      const row: Record<string, unknown> = {}
      for (const { name, shape, wireName } of entries) {
        const value = shape.fromWire(given[wireName])
        if (value !== undefined) row[name] = value
      }
      return row as Row
    },
  }
}

export function fieldsOf(wire: unknown): Fields {
  if (isNil(wire)) return {}
  if (typeof wire !== 'object' || Array.isArray(wire) || wire instanceof Uint8Array)
    throw mistaken('a map', wire)
  return wire as Fields
}

function isNil(wire: unknown): wire is null | undefined {
  return wire === undefined || wire === null
}

function mistaken(wanted: string, wire: unknown): PraetorError {
  return new PraetorError('bad-request', `rpc: ${wanted} was expected, not ${describe(wire)}`)
}

function describe(wire: unknown): string {
  if (Array.isArray(wire)) return 'a list'
  if (wire instanceof Uint8Array) return 'bytes'
  return typeof wire === 'object' ? 'a map' : `a ${typeof wire}`
}
