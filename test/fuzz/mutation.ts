import type { Chance } from '../../server/runtime/chance.ts'

/** One of these. */
export function pick<T>(items: readonly T[], chance: Chance): T {
  const item = items[Math.floor(chance.fraction() * items.length)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}

export function below(limit: number, chance: Chance): number {
  return Math.floor(chance.fraction() * limit)
}

/** What lies about how much follows, in msgpack and around it; and what begins or ends something. */
const lies = [
  'c0',
  'c1',
  '80',
  '8f',
  '90',
  '9f',
  'a0',
  'bf',
  'c4ff',
  'c6ffffffff',
  'c6000fffff',
  'cb7ff8000000000000',
  'ccff',
  'cdffff',
  'ceffffffff',
  'cf7fffffffffffffff',
  'cfffffffffffffffff',
  'd0ff',
  'd3ffffffffffffffff',
  'd38000000000000000',
  'd9ff',
  'daffff',
  'dbffffffff',
  'db7fffffff',
  'dcffff',
  'ddffffffff',
  'ddffff',
  'deffff',
  'dfffffffff',
  'df7fffffff',
  'e0',
  'ff',
  '07ff',
  '0700',
  '0a00000000',
  '0affffffff',
  '0a01400001',
  'f400',
  'f4ff',
  '0982a4416c676f00a3427566',
].map((hex) => Buffer.from(hex, 'hex'))

type Mutation = (
  bytes: Buffer<ArrayBuffer>,
  other: Uint8Array,
  chance: Chance,
) => Buffer<ArrayBuffer>

const mutations: readonly Mutation[] = [
  function turnBit(bytes, _other, chance) {
    const at = below(bytes.length, chance)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8, chance))
    return bytes
  },
  function changeByte(bytes, _other, chance) {
    bytes[below(bytes.length, chance)] = below(256, chance)
    return bytes
  },
  function cutShort(bytes, _other, chance) {
    return bytes.subarray(0, below(bytes.length + 1, chance))
  },
  function leaveOut(bytes, _other, chance) {
    const start = below(bytes.length + 1, chance)
    const end = start + below(Math.min(16, bytes.length - start) + 1, chance)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  },
  function sayTwice(bytes, _other, chance) {
    const start = below(bytes.length + 1, chance)
    const end = start + below(bytes.length - start + 1, chance)
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)])
  },
  function cross(bytes, other, chance) {
    const head = bytes.subarray(0, below(bytes.length + 1, chance))
    return Buffer.concat([head, other.subarray(below(other.length + 1, chance))])
  },
  function lie(bytes, _other, chance) {
    const at = below(bytes.length + 1, chance)
    const told = pick(lies, chance)
    const rest = chance.fraction() < 0.5 ? at : Math.min(bytes.length, at + told.length)
    return Buffer.concat([bytes.subarray(0, at), told, bytes.subarray(rest)])
  },
  function addNoise(bytes, _other, chance) {
    return Buffer.concat([bytes, chance.bytes(below(40, chance))])
  },
]

/** A copy of the bytes with one to four things wrong, or noise. The other bytes are there to be crossed with. */
export function mutate(seed: Uint8Array, other: Uint8Array, chance: Chance): Buffer<ArrayBuffer> {
  if (chance.fraction() < 0.02) return Buffer.from(chance.bytes(below(120, chance)))
  let bytes: Buffer<ArrayBuffer> = Buffer.from(seed)
  for (let left = 1 + below(4, chance); left > 0; left -= 1)
    bytes = pick(mutations, chance)(bytes.length === 0 ? Buffer.alloc(1) : bytes, other, chance)
  return bytes
}
