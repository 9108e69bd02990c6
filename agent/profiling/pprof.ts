/**
 * Profiles in pprof's format (github.com/google/pprof, proto/profile.proto), which Consul's tools expect and most viewers read.
 * It is one protobuf message; names are kept once, in a table of strings whose first is empty, and referred to by number.
 */
export interface Profile {
  /** What is counted, `['cpu', 'nanoseconds']`: one for each of a sample's values. */
  readonly counted: readonly (readonly [what: string, unit: string])[]
  /** Between two samples, in the last unit counted. */
  readonly period: number
  readonly wallMs: number
  readonly durationMs: number
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** What was running first, who called it next. */
  readonly stack: readonly Frame[]
  readonly values: readonly number[]
}

export interface Frame {
  readonly name: string
  readonly file: string
  /** From 1; 0 where there is none. */
  readonly line: number
}

const fields = {
  profile: {
    counted: 1,
    sample: 2,
    location: 4,
    function: 5,
    string: 6,
    timeNanos: 9,
    durationNanos: 10,
    periodType: 11,
    period: 12,
  },
  valueType: { what: 1, unit: 2 },
  sample: { location: 1, value: 2 },
  location: { id: 1, line: 4 },
  line: { function: 1, line: 2 },
  function: { id: 1, name: 2, systemName: 3, file: 4 },
} as const

/** The message; a file of it is gzipped. */
export function encodePprof({ counted, period, wallMs, durationMs, samples }: Profile): Uint8Array {
  const strings = new Numbered<string>((text) => text)
  strings.of('')
  const functions = new Numbered<Frame>(({ name, file }) => `${name}\n${file}`)
  const locations = new Numbered<Frame>(({ name, file, line }) => `${name}\n${file}\n${line}`)
  const is = fields.profile
  const valueType = ([what, unit]: readonly [string, string]): Buffer =>
    message([
      [fields.valueType.what, strings.of(what)],
      [fields.valueType.unit, strings.of(unit)],
    ])
  const typed = counted.map(valueType)
  const parts: Field[] = [
    ...typed.map((type): Field => [is.counted, type]),
    ...samples.map(({ stack, values }): Field => {
      // Ids begin with 1.
      const ids = stack.map((frame) => locations.of(frame) + 1)
      return [
        is.sample,
        message([
          [fields.sample.location, packed(ids)],
          [fields.sample.value, packed(values)],
        ]),
      ]
    }),
    ...locations.all.map((frame, at): Field => {
      const line = message([
        [fields.line.function, functions.of(frame) + 1],
        [fields.line.line, frame.line],
      ])
      return [
        is.location,
        message([
          [fields.location.id, at + 1],
          [fields.location.line, line],
        ]),
      ]
    }),
    ...functions.all.map(({ name, file }, at): Field => {
      const called = strings.of(name)
      return [
        is.function,
        message([
          [fields.function.id, at + 1],
          [fields.function.name, called],
          [fields.function.systemName, called],
          [fields.function.file, strings.of(file)],
        ]),
      ]
    }),
    ...strings.all.map((text): Field => [is.string, Buffer.from(text)]),
    [is.timeNanos, BigInt(Math.floor(wallMs)) * 1_000_000n],
    [is.durationNanos, BigInt(Math.floor(durationMs)) * 1_000_000n],
    [is.period, period],
  ]
  const last = typed.at(-1)
  if (last !== undefined) parts.push([is.periodType, last])
  return message(parts)
}

/** A number is a varint, bytes are whatever has a length. */
type Field = readonly [number: number, value: number | bigint | Uint8Array]

const wireVarint = 0
const wireBytes = 2

function message(parts: readonly Field[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([number, value]) => {
      if (!(value instanceof Uint8Array)) return [varint((number << 3) | wireVarint), varint(value)]
      return [varint((number << 3) | wireBytes), varint(value.length), value]
    }),
  )
}

function packed(numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.map(varint))
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let left = BigInt(value)
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  bytes.push(Number(left))
  return Buffer.from(bytes)
}

/** Things numbered from 0 in the order they are first asked for, those with the same key being one. */
class Numbered<Thing> {
  readonly all: Thing[] = []
  readonly #numbers = new Map<string, number>()
  readonly #keyOf: (thing: Thing) => string

  constructor(keyOf: (thing: Thing) => string) {
    this.#keyOf = keyOf
  }

  of(thing: Thing): number {
    const key = this.#keyOf(thing)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.all.length)
    return this.all.push(thing) - 1
  }
}
