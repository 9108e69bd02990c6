import type { Chance } from '../../runtime/chance.ts'
import type {
  Address,
  Alive,
  GossipMessage,
  RemoteState,
  StreamMessage,
  Versions,
  WireState,
} from '../wire/messages.ts'
import type { SwimConfig } from './config.ts'
import type { Directory } from './directory.ts'

/**
 * The core's two sides: what it is told (`SwimInput`), what it wants done (`SwimEffect`), and what it must be given to exist
 * (`SwimNeeds`). It has no clock, chance, timer or socket; the same inputs at the same times give the same effects.
 *
 * A driver's turn:
 *   1. `step` everything that came in: packets, streams, commands.
 *   2. When the sockets are empty (or 32 datagrams were read and none waits longer than this turn), `step(now, drained)`.
 *   3. Carry out `take()`, in order.
 *   4. Wake at `dueMs()` at the latest, read the sockets, and go to 1.
 *
 * Packets never make the core decide that somebody is gone, and time alone never does: whatever was due is judged in `drained`,
 * when the proofs of life that arrived meanwhile were seen. A process that stood still therefore finds the refutations in its
 * buffer before it finds its own deadlines expired.
 */
export type SwimInput =
  /** One datagram, opened and unpacked. `from` is where it came from, not what it says. */
  | { readonly kind: 'packet'; readonly from: Address; readonly messages: readonly GossipMessage[] }
  /** What had arrived by `now` was stepped: judge what is due. Never while datagrams wait to be read. */
  | { readonly kind: 'drained' }
  /** Answers a `call` effect that wanted an answer; nothing else of that call follows. */
  | { readonly kind: 'callAnswered'; readonly call: CallId; readonly message: StreamMessage }
  /** Answers a `call` effect instead. `refused` is a reset or an ICMP error to the first packet: somebody is at that address. */
  | { readonly kind: 'callFailed'; readonly call: CallId; readonly reason: CallFailure }
  /** Somebody opened a stream to us and said this first. May be answered by an `answer` effect, in this turn or a later one. */
  | {
      readonly kind: 'called'
      readonly caller: CallerId
      readonly from: Address
      readonly message: StreamMessage
    }
  /**
   * This process (or its machine) stood still for that long, as something else than the time showed. That what was due is late
   * the core notices by itself.
   */
  | { readonly kind: 'paused'; readonly pauseMs: number }
  /** How late the loop runs what is due, as its 99th percentile lately. */
  | { readonly kind: 'lagged'; readonly lagMs: number }
  /** Datagrams to us that the kernel threw away since the last time this was said. */
  | { readonly kind: 'dropped'; readonly packets: number }
  | SwimCommand

export type SwimCommand =
  /** Push/pull with every address. Ends in one `joinDone`. */
  | { readonly kind: 'join'; readonly ticket: Ticket; readonly addresses: readonly Address[] }
  /** Tell everybody that we go for good. Ends in one `leaveDone`. Packets are still answered after it, nothing is probed. */
  | { readonly kind: 'leave'; readonly ticket: Ticket }
  /**
   * A failed member is not coming back: count it as left, here. With `forget` also drop its record. (Telling others is the
   * business of the layer above: memberlist has no message for it.) Nothing happens where it is not failed or left.
   */
  | { readonly kind: 'forceLeave'; readonly node: string; readonly forget: boolean }
  /** What others shall know of this node: Serf's tags, at most 512 bytes. Told to everybody under a new incarnation. */
  | { readonly kind: 'setMeta'; readonly meta: Uint8Array }
  /** What our acks carry from now on: Serf's coordinate. */
  | { readonly kind: 'setAckPayload'; readonly payload: Uint8Array }
  /**
   * Gossip the delegate's own message to everybody. A later one with the same `subject` in the same queue replaces it. Where
   * there is a ticket, ends in one `broadcastDone`.
   */
  | {
      readonly kind: 'broadcast'
      readonly queue: UserQueue
      readonly subject: string | null
      readonly body: Uint8Array
      readonly ticket: Ticket | null
    }
  /** The delegate's own message to one address; over a stream where it must arrive or is too long for a packet. */
  | {
      readonly kind: 'sendUser'
      readonly to: Address
      readonly body: Uint8Array
      readonly reliable: boolean
    }
  /** Whom to watch by dense heartbeats beside the common probing: the servers. Replaces what was said before. */
  | { readonly kind: 'watch'; readonly nodes: readonly string[] }

/** The core's number for a stream that it wants opened. */
export type CallId = number
/** The driver's number for a stream that somebody opened to us. */
export type CallerId = number
/** The caller's number for a command that ends in an effect. */
export type Ticket = number

export type CallFailure = 'refused' | 'timeout' | 'reset'

/** The delegate's queues, the more urgent first. */
export const userQueues = ['intent', 'query', 'event'] as const
export type UserQueue = (typeof userQueues)[number]

export type SwimEffect =
  /** One datagram. */
  | {
      readonly kind: 'send'
      readonly to: Address
      /**
       * Encoded messages, to be packed as a compound if more than one, then sealed. They fit: see `packetBytesMax`. The arrays
       * belong to the core and are never changed: the same array means the same message.
       */
      readonly parts: readonly Uint8Array[]
      /** Whether the receiver is known to check CRCs (memberlist adds one only then). */
      readonly crc: boolean
      /** What to give up first when the socket is full: gossip is sent again anyway. */
      readonly droppable: boolean
    }
  /**
   * Open a stream, say this, and answer by `callAnswered` (pushPull, ping) or `callFailed` within `timeoutMs`. A `user` message
   * has no answer: only its failure is told. In a `pushPull` the field `user` is empty, for the layer above to fill in.
   */
  | {
      readonly kind: 'call'
      readonly call: CallId
      readonly to: Address
      readonly message: StreamMessage
      readonly timeoutMs: number
    }
  /** Say this on a stream that somebody opened to us, and close it. `pushPull.user` is for the layer above to fill in. */
  | { readonly kind: 'answer'; readonly caller: CallerId; readonly message: StreamMessage }
  /** Close a stream that somebody opened to us: there is nothing to say. */
  | { readonly kind: 'hangUp'; readonly caller: CallerId }
  | { readonly kind: 'event'; readonly event: SwimEvent }
  | MetricEffect

/** Something to be counted or measured, by the driver. */
export interface MetricEffect {
  readonly kind: 'metric'
  readonly type: 'gauge' | 'count' | 'sample'
  /** As Consul names it, without the prefix: `memberlist.udp.sent`. */
  readonly name: string
  readonly value: number
}

export type SwimEvent =
  /** A member unknown before, or known as failed or left. */
  | { readonly kind: 'joined'; readonly member: SwimMember }
  /** Its meta, address or versions changed. */
  | { readonly kind: 'updated'; readonly member: SwimMember; readonly before: SwimMember }
  | { readonly kind: 'suspected'; readonly member: SwimMember; readonly from: string }
  /** It refuted a suspicion. */
  | { readonly kind: 'cleared'; readonly member: SwimMember }
  | { readonly kind: 'failed'; readonly member: SwimMember }
  | { readonly kind: 'left'; readonly member: SwimMember }
  /** Its record is gone: it was failed or left for too long, or was forced out. */
  | { readonly kind: 'reaped'; readonly member: SwimMember }
  /** Whether it is now reached only by TCP, while datagrams to or from it are lost. */
  | { readonly kind: 'degraded'; readonly member: SwimMember }
  /** Another member claims a name that is taken. */
  | { readonly kind: 'conflict'; readonly member: SwimMember; readonly claim: RemoteState }
  /** The delegate's own message came in. */
  | { readonly kind: 'user'; readonly from: Address; readonly body: Uint8Array }
  /** What the layer above put into somebody's push/pull. Comes after the events of merging the states beside it. */
  | {
      readonly kind: 'userState'
      readonly from: Address
      readonly join: boolean
      readonly body: Uint8Array
    }
  /** A direct ping was answered: what the answer carried, and how long it took. */
  | {
      readonly kind: 'acked'
      readonly node: string
      readonly rttMs: number
      readonly payload: Uint8Array
    }
  | {
      readonly kind: 'joinDone'
      readonly ticket: Ticket
      readonly joined: number
      readonly failures: readonly JoinFailure[]
    }
  /** Our leave was sent as often as gossip sends anything (`told`), or nobody was there or it took too long. */
  | { readonly kind: 'leaveDone'; readonly ticket: Ticket; readonly told: boolean }
  /** The message left its queue: it was sent as often as it should, replaced, or pushed out of a full queue. */
  | { readonly kind: 'broadcastDone'; readonly ticket: Ticket }

export interface JoinFailure {
  readonly to: Address
  /** A `CallFailure`, or the words of who refused. */
  readonly reason: string
}

/** A member as this node sees it, at one moment. */
export interface SwimMember {
  readonly name: string
  readonly address: Address
  readonly meta: Uint8Array
  readonly versions: Versions
  readonly incarnation: number
  readonly state: WireState
  /** Reached by TCP only. */
  readonly degraded: boolean
  /**
   * Suspect or dead in the eyes of this node alone, which hears nobody and therefore told nobody. Others may well disagree: not to
   * be acted upon beyond this node.
   */
  readonly unconfirmed: boolean
}

/** Who tells one life of a node from the next: its id, and when it was started. */
export interface Identity {
  readonly id: string
  /** Null where the meta does not say. */
  readonly startedMs: number | null
}

/** What the core is given once. The functions are pure: the same arguments, the same answer. */
export interface SwimNeeds {
  /** This node. A start after a crash may begin with any incarnation; whoever knows a later one tells. */
  readonly self: Alive
  readonly config: SwimConfig
  readonly chance: Chance
  readonly nowMs: number
  /** Who is a member from the beginning, as if a push/pull had told: for simulations that begin with everybody acquainted. */
  readonly known?: readonly Alive[]
  /** The wire's codec: one message without any wrapping. */
  readonly encode: (message: GossipMessage) => Uint8Array
  /** Names and statements, shared between the cores of a simulation; left out, the core has its own. */
  readonly directory?: Directory
  /** Reads an identity out of a member's meta, or null where there is none. */
  readonly identify?: (meta: Uint8Array) => Identity | null
  /**
   * Whether these may become (or stay) members: the words of the refusal, or null. Asked before a push/pull that joins is merged
   * (with all of it) and before anybody unknown is taken in (with that one).
   */
  readonly admit?: (states: readonly RemoteState[]) => string | null
  /** Whether members may be at this address, and speak from it; everywhere, where it is left out. */
  readonly allows?: (host: string) => boolean
  /** Expected round trip to a member, from coordinates; null where nothing is known. */
  readonly expectedRttMs?: (node: string) => number | null
}

/** What `SwimCore` offers. */
export interface Swim {
  step(nowMs: number, input: SwimInput): void
  /** Everything wanted since the last time, in order. */
  take(): readonly SwimEffect[]
  /** When `drained` is wanted next at the latest, on the clock of `step`. */
  dueMs(): number
  /** Everyone known, this node included, failed and left ones too, in no order. */
  members(): SwimMember[]
  member(name: string): SwimMember | null
  /** How many are alive or suspect, this node included. */
  liveCount(): number
  /** Lifeguard's local health: 0 is well, higher is worse. */
  healthScore(): number
  /**
   * φ: the evidence that a member is gone, as −log10 of the chance that it would look like this were it alive. 0 without any;
   * Infinity for failed and left members and unknown names.
   */
  suspicionLevel(name: string, nowMs: number): number
}
