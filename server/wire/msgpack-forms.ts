/**
 * How long the values are that begin with a byte from 0xc0 to 0xdf: either `fixed`, and then how many bytes follow; or a length of
 * so many bytes, and what it counts. Undefined for what begins no value, and for every other byte: those say it themselves.
 */
export function formOf(code: number): MsgpackForm | undefined {
  return forms[code - 0xc0]
}

export type MsgpackForm = readonly [
  counts: 'fixed' | 'bytes' | 'items' | 'pairs',
  sizeBytes: number,
]

const forms: readonly (MsgpackForm | undefined)[] = [
  ['fixed', 0],
  undefined,
  ['fixed', 0],
  ['fixed', 0],
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  undefined,
  undefined,
  undefined,
  ['fixed', 4],
  ['fixed', 8],
  ['fixed', 1],
  ['fixed', 2],
  ['fixed', 4],
  ['fixed', 8],
  ['fixed', 1],
  ['fixed', 2],
  ['fixed', 4],
  ['fixed', 8],
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  ['bytes', 1],
  ['bytes', 2],
  ['bytes', 4],
  ['items', 2],
  ['items', 4],
  ['pairs', 2],
  ['pairs', 4],
]
