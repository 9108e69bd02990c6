import { assert } from '../../model/assert.ts'

/** Everything the core is told once about how to behave. The tables below are memberlist's defaults. */
export interface SwimConfig {
  /** T: one member is probed each. */
  readonly probeIntervalMs: number
  /** How long a direct ping may take before others are asked, at most. */
  readonly probeTimeoutMs: number
  /** k: how many others are asked to probe for us, each round. */
  readonly indirectChecks: number
  readonly suspicionMult: number
  /** A suspicion without confirmations takes this many times the shortest. */
  readonly suspicionMaxTimeoutMult: number
  readonly retransmitMult: number
  readonly gossipIntervalMs: number
  /** f: how many members get gossip, each. */
  readonly gossipNodes: number
  /** How long a dead member still gets gossip, so that it may refute. */
  readonly gossipToTheDeadMs: number
  /** 0 for never. Scaled up with the number of members. */
  readonly pushPullIntervalMs: number
  /** How long a stream may take. */
  readonly streamTimeoutMs: number
  readonly awarenessMax: number
  /** A name is free for another address when its owner was dead this long; 0 for never. */
  readonly deadNodeReclaimMs: number
  /** What one datagram may carry. */
  readonly packetBytesMax: number
  /** What sealing, labels and checks take of that. */
  readonly packetOverheadBytes: number
  /** Push/pulls of our own at once. Those that others begin are answered at once; how many may wait is the driver's limit. */
  readonly pushPullsMax: number
  /** Messages in each of the delegate's queues; beyond it (or twice the members) those sent most often are dropped. */
  readonly userQueueMax: number
  /** How long a failed member is remembered and looked for. */
  readonly reapFailedMs: number
  /** How long a left member is remembered. */
  readonly reapLeftMs: number
  /** How often a failed member is looked for, to heal a partition that outlived its detection. 0 for never. */
  readonly healIntervalMs: number
  /** How long a leave may take to be told. */
  readonly leaveTimeoutMs: number
  /** Everybody is watched by heartbeats while there are at most this many members: the WAN pool. */
  readonly heartbeatMembersMax: number
  readonly heartbeatIntervalMs: number
  /** φ of the heartbeats at which a member is probed at once. Low, since a probe is all that comes of it. */
  readonly heartbeatThreshold: number
  readonly lifeguard: LifeguardFeatures
  readonly accrual: AccrualConfig
}

/** Dadgar, Phillips and Currey: Lifeguard (2018), switch by switch. All off is plain SWIM. */
export interface LifeguardFeatures {
  /** Local Health Aware Probe: an unwell prober takes its time. */
  readonly localHealth: boolean
  /** Local Health Aware Suspicion: suspicions shorten as others confirm them. */
  readonly confirmations: boolean
  /** A suspect is told with the ping. */
  readonly buddy: boolean
  /**
   * A relay that gets no answer says so well before the prober gives up, as the paper has it; without it when the relay's own
   * timeout is over, as memberlist has it: with its defaults that is when nobody listens any more.
   */
  readonly earlyNacks: boolean
}

/** What is ours, local to this node and invisible on the wire. `enabled: false` is memberlist's way: suspect when a period ends. */
export interface AccrualConfig {
  readonly enabled: boolean
  /** Φ_s: the evidence at which a suspicion is published. */
  readonly threshold: number
  /** Least silence before a suspicion is published; learned pauses of a member raise it. */
  readonly silenceMinMs: number
  readonly silenceMaxMs: number
  /** A_acc: the pause of a healthy member that must not end in its being called failed. */
  readonly acceptablePauseMs: number
  /** The probe timeout is never below this. */
  readonly probeTimeoutMinMs: number
  /** Wait between rounds of one episode, and its growth. */
  readonly roundMs: number
  readonly roundGrowth: number
  /** An episode that came to nothing is given up after this. */
  readonly episodeMaxMs: number
  /** Probes over one path within this time are one observation. */
  readonly coherenceMs: number
}

/** memberlist's DefaultLANConfig, with Serf's and Consul's reaping, and our detection. */
export const lanConfig: SwimConfig = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  awarenessMax: 8,
  deadNodeReclaimMs: 30_000,
  packetBytesMax: 1400,
  packetOverheadBytes: 0,
  pushPullsMax: 8,
  userQueueMax: 4096,
  reapFailedMs: 72 * 3_600_000,
  reapLeftMs: 24 * 3_600_000,
  healIntervalMs: 30_000,
  leaveTimeoutMs: 5000,
  heartbeatMembersMax: 0,
  heartbeatIntervalMs: 1000,
  heartbeatThreshold: 1.5,
  lifeguard: { localHealth: true, confirmations: true, buddy: true, earlyNacks: true },
  accrual: {
    enabled: true,
    threshold: 6,
    silenceMinMs: 300,
    silenceMaxMs: 8000,
    acceptablePauseMs: 5000,
    probeTimeoutMinMs: 20,
    roundMs: 120,
    roundGrowth: 1.3,
    episodeMaxMs: 9000,
    coherenceMs: 100,
  },
}

/** Between datacenters: slow links, few members, all of them servers. */
export const wanConfig: SwimConfig = {
  ...lanConfig,
  probeIntervalMs: 5000,
  probeTimeoutMs: 3000,
  suspicionMult: 6,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  streamTimeoutMs: 30_000,
  heartbeatMembersMax: 100,
  heartbeatIntervalMs: 2000,
  accrual: {
    ...lanConfig.accrual,
    threshold: 8,
    silenceMinMs: 3000,
    silenceMaxMs: 30_000,
    acceptablePauseMs: 15_000,
    probeTimeoutMinMs: 100,
    roundMs: 600,
    episodeMaxMs: 45_000,
    coherenceMs: 500,
  },
}

/** One machine: loopback. */
export const localConfig: SwimConfig = {
  ...lanConfig,
  probeTimeoutMs: 200,
  indirectChecks: 1,
  suspicionMult: 3,
  retransmitMult: 2,
  gossipIntervalMs: 100,
  gossipToTheDeadMs: 15_000,
  pushPullIntervalMs: 15_000,
  streamTimeoutMs: 1000,
}

/** Consul's `gossip_lan` and `gossip_wan`, and its `reconnect_timeout` for each, under the names that SwimConfig has for them. */
export type GossipOptions = Partial<
  Pick<
    SwimConfig,
    | 'gossipNodes'
    | 'gossipIntervalMs'
    | 'probeIntervalMs'
    | 'probeTimeoutMs'
    | 'suspicionMult'
    | 'retransmitMult'
    | 'reapFailedMs'
  >
>

/** SWIM as memberlist ran it before Lifeguard. */
export function plainSwim(config: SwimConfig): SwimConfig {
  return {
    ...config,
    suspicionMaxTimeoutMult: 1,
    lifeguard: { localHealth: false, confirmations: false, buddy: false, earlyNacks: false },
    accrual: { ...config.accrual, enabled: false },
  }
}

/** SWIM with Lifeguard: memberlist as it is. */
export function memberlistSwim(config: SwimConfig): SwimConfig {
  return {
    ...config,
    lifeguard: { localHealth: true, confirmations: true, buddy: true, earlyNacks: false },
    accrual: { ...config.accrual, enabled: false },
  }
}

export function assertSwimConfig(config: SwimConfig): void {
  const { accrual } = config
  assert(config.probeIntervalMs > 0 && config.gossipIntervalMs > 0, 'intervals take time')
  assert(config.probeTimeoutMs <= config.probeIntervalMs, 'a ping is waited for within its period')
  assert(config.indirectChecks >= 0 && config.gossipNodes >= 1, 'gossip goes to somebody')
  assert(config.suspicionMult >= 1 && config.suspicionMaxTimeoutMult >= 1, 'suspicions take time')
  assert(config.awarenessMax >= 1, 'health has a scale')
  assert(config.packetBytesMax - config.packetOverheadBytes >= 512, 'a packet carries a message')
  assert(config.pushPullsMax >= 1 && config.userQueueMax >= 1, 'limits let something through')
  assert(accrual.threshold > 0 && accrual.roundGrowth >= 1, 'evidence is waited for')
  assert(accrual.probeTimeoutMinMs > 0 && accrual.roundMs > 0, 'rounds take time')
  assert(accrual.silenceMinMs <= accrual.silenceMaxMs, 'silences are ordered')
}
