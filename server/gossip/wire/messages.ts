/**
 * memberlist's messages (protocol 2 to 5), as they are meant: the wire's field names and number formats are the codec's affair.
 * Who handles them need not know whether they came alone, packed, compressed, checked or encrypted.
 */

/** Where a member is reached: an IP literal and a port, over UDP and TCP alike. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Lowest, highest and spoken version of memberlist's protocol, then the same of the delegate's (Serf's). */
export interface Versions {
  readonly protocol: readonly [min: number, max: number, current: number]
  readonly delegate: readonly [min: number, max: number, current: number]
}

export interface Ping {
  readonly kind: 'ping'
  /** Numbers of 32 bits that tell answers apart. */
  readonly sequence: number
  /** Whom it is meant for: another who now has that address does not answer. */
  readonly node: string
  /** Who asks and where, as newer members say; absent from older ones. */
  readonly source?: { readonly node: string; readonly address: Address }
}

export interface IndirectPing {
  readonly kind: 'indirectPing'
  readonly sequence: number
  readonly target: Address
  readonly node: string
  /** Whether to be told when the target does not answer the relay. */
  readonly wantsNack: boolean
  readonly source?: { readonly node: string; readonly address: Address }
}

export interface Ack {
  readonly kind: 'ack'
  readonly sequence: number
  /** What the delegate has to say: Serf's coordinate. Empty when relayed, or over TCP. */
  readonly payload: Uint8Array
}

export interface Nack {
  readonly kind: 'nack'
  readonly sequence: number
}

export interface Suspect {
  readonly kind: 'suspect'
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

export interface Alive {
  readonly kind: 'alive'
  readonly incarnation: number
  readonly node: string
  readonly address: Address
  /** At most 512 bytes: Serf's tags. */
  readonly meta: Uint8Array
  readonly versions: Versions
}

export interface Dead {
  readonly kind: 'dead'
  readonly incarnation: number
  readonly node: string
  /** The node itself where it leaves of its own will. */
  readonly from: string
}

/** The delegate's own message, which gossip carries and does not read. */
export interface UserMessage {
  readonly kind: 'user'
  readonly body: Uint8Array
}

export type GossipMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserMessage

export const wireStates = ['alive', 'suspect', 'dead', 'left'] as const
export type WireState = (typeof wireStates)[number]

/** One member as push/pull tells of it. */
export interface RemoteState {
  readonly node: string
  readonly address: Address
  readonly meta: Uint8Array
  readonly incarnation: number
  readonly state: WireState
  readonly versions: Versions
}

/** All that one side knows, over TCP; the other answers with its own. */
export interface PushPull {
  readonly kind: 'pushPull'
  readonly join: boolean
  readonly states: readonly RemoteState[]
  /** The delegate's: Serf's clocks and events. */
  readonly user: Uint8Array
}

/** Over TCP: what is asked there was refused, in words. */
export interface StreamError {
  readonly kind: 'error'
  readonly text: string
}

export type StreamMessage = PushPull | Ping | Ack | UserMessage | StreamError
