import { ipBytes, ipText } from './ip.ts'
import type { Ack, IndirectPing, Nack, Ping } from './messages.ts'
import { boolean, meaning, omitEmpty, raw, struct, text, uint16, uint32 } from './struct.ts'

/** The messages of a probe: what a node says and hears most. */

const sourceFields = {
  SourceAddr: omitEmpty(raw),
  SourcePort: omitEmpty(uint16),
  SourceNode: omitEmpty(text),
}

interface SourceOnWire {
  readonly SourceAddr: Uint8Array
  readonly SourcePort: number
  readonly SourceNode: string
}

type Source = NonNullable<Ping['source']>

const noSource: SourceOnWire = { SourceAddr: raw.zero, SourcePort: 0, SourceNode: '' }

function sourceToWire(source: Source | undefined): SourceOnWire {
  if (source === undefined) return noSource
  const { address, node } = source
  return { SourceAddr: ipBytes(address.host), SourcePort: address.port, SourceNode: node }
}

/** Without an address or a port it is none, as memberlist has it: the answer goes to where the question came from. */
function sourceFromWire(onWire: SourceOnWire): { source?: Source } {
  const { SourceAddr, SourceNode, SourcePort } = onWire
  if (SourceAddr.length === 0 || SourcePort === 0) return {}
  return { source: { node: SourceNode, address: { host: ipText(SourceAddr), port: SourcePort } } }
}

export const ping = meaning(
  struct({ SeqNo: uint32, Node: text, ...sourceFields }),
  ({ node, sequence, source }: Ping) => ({
    SeqNo: sequence,
    Node: node,
    ...sourceToWire(source),
  }),
  (onWire): Ping => ({
    kind: 'ping',
    sequence: onWire.SeqNo,
    node: onWire.Node,
    ...sourceFromWire(onWire),
  }),
)

export const indirectPing = meaning(
  struct({
    SeqNo: uint32,
    Target: raw,
    Port: uint16,
    Node: text,
    Nack: boolean,
    ...sourceFields,
  }),
  ({ node, sequence, source, target, wantsNack }: IndirectPing) => ({
    SeqNo: sequence,
    Target: ipBytes(target.host),
    Port: target.port,
    Node: node,
    Nack: wantsNack,
    ...sourceToWire(source),
  }),
  (onWire): IndirectPing => ({
    kind: 'indirectPing',
    sequence: onWire.SeqNo,
    target: { host: ipText(onWire.Target), port: onWire.Port },
    node: onWire.Node,
    wantsNack: onWire.Nack,
    ...sourceFromWire(onWire),
  }),
)

/** The payload is a view. */
export const ack = meaning(
  struct({ SeqNo: uint32, Payload: raw }),
  ({ payload, sequence }: Ack) => ({ SeqNo: sequence, Payload: payload }),
  ({ Payload, SeqNo }): Ack => ({ kind: 'ack', sequence: SeqNo, payload: Payload }),
)

export const nack = meaning(
  struct({ SeqNo: uint32 }),
  ({ sequence }: Nack) => ({ SeqNo: sequence }),
  ({ SeqNo }): Nack => ({ kind: 'nack', sequence: SeqNo }),
)
