import { emptyCheckPrint } from '../../server/model/check.ts'
import type { KvPair } from '../answer.ts'

/**
 * Handlers of watches have always been given what Go's client makes of an answer rather than the answer: its own order of fields,
 * and values for those that an answer leaves out.
 */
export function pairShape(pair: KvPair): object {
  const { Key, CreateIndex, ModifyIndex, LockIndex, Flags, Value, Session = '' } = pair
  return { Key, CreateIndex, ModifyIndex, LockIndex, Flags, Value, Session }
}

interface Check {
  readonly Definition?: Readonly<Record<string, unknown>>
  readonly CreateIndex: number
  readonly ModifyIndex: number
}

export function checkShape({ Definition, CreateIndex, ModifyIndex, ...check }: Check): object {
  return { ...check, Definition: { ...emptyCheckPrint, ...Definition }, CreateIndex, ModifyIndex }
}

interface Instance {
  readonly Node: unknown
  readonly Service: Readonly<Record<string, unknown>>
  readonly Checks: readonly Check[]
}

export function instanceShape({ Node, Service, Checks }: Instance): object {
  const { Proxy, Connect, ...service } = Service
  return {
    Node,
    Service: {
      ...inOrder(service),
      ...(Proxy === undefined ? {} : { Proxy }),
      ...(Connect === undefined ? {} : { Connect }),
    },
    Checks: Checks.map(checkShape),
  }
}

/** The port comes before the address here. */
function inOrder(service: Readonly<Record<string, unknown>>): object {
  const { Kind, ID, Service, Tags, Meta, Port, Address, ...rest } = service
  return {
    ...(Kind === undefined ? {} : { Kind }),
    ID,
    Service,
    Tags,
    Meta,
    Port,
    Address,
    ...rest,
  }
}
