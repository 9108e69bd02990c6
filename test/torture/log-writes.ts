import { decodeOnce } from '../../server/fsm/apply.ts'
import { commands } from '../../server/fsm/commands.ts'
import { kvCodec } from '../../server/fsm/kv-codec.ts'
import type { WriteId } from '../../server/model/methods.ts'
import { decodeMsgpack } from '../../server/wire/msgpack.ts'
import type { ServerLog } from './server-log.ts'

/** What all logs together say was written, by value: every value is written once, so it names its write. */
export interface LoggedWrites {
  /** The index of each, or indexes, if something went wrong. */
  readonly places: ReadonlyMap<string, readonly number[]>
  /** True where the logs reach back to the beginning, so that what is not in them was never written. */
  readonly isComplete: boolean
}

export function loggedWrites(logs: readonly ServerLog[]): LoggedWrites {
  const writes = logs
    .flatMap(({ entries }) => [...entries.values()])
    .filter(({ kind }) => kind === 'command')
    .map(({ index, payload }) => ({ index, ...decodeOnce(payload) }))
  // A write that was sent on may be in the log more than once, and is carried out where it stands first.
  const firstPlaces = new Map<string, number>()
  for (const { id, index } of writes) {
    const name = nameOf(id)
    firstPlaces.set(name, Math.min(index, firstPlaces.get(name) ?? index))
  }
  const places = new Map<string, Set<number>>()
  for (const { id, index, entry } of writes) {
    if (id !== undefined && firstPlaces.get(nameOf(id)) !== index) continue
    for (const value of valuesIn(entry))
      places.set(value, (places.get(value) ?? new Set()).add(index))
  }
  return {
    places: new Map([...places].map(([value, indexes]) => [value, [...indexes]])),
    isComplete: logs.some(({ firstIndex, lastIndex }) => firstIndex === 1 && lastIndex > 0),
  }
}

function nameOf(id: WriteId | undefined): string {
  return id === undefined ? '' : `${id.origin} ${id.epoch} ${id.sequence}`
}

function valuesIn(payload: Uint8Array): string[] {
  if (payload[0] === commands.kv.number) {
    const { Op, DirEnt } = kvCodec.decode(payload)
    return Op === 'set' || Op === 'cas' ? [text(DirEnt.Value)] : []
  }
  if (payload[0] !== commands.txn.number) return []
  const { Ops } = decodeMsgpack(payload.subarray(1)) as {
    readonly Ops: readonly {
      readonly KV?: { readonly Verb: string; readonly Value?: Uint8Array }
    }[]
  }
  return Ops.flatMap(({ KV }) => (KV?.Verb === 'set' ? [text(KV.Value)] : []))
}

function text(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString()
}
