/** What operators do with the keys that gossip is encrypted with. */
export type KeyVerb = 'install' | 'use' | 'remove' | 'list'

/** What the members of one pool did with their keyrings, or hold in them, as `/v1/operator/keyring` prints it. */
export interface PoolKeyring {
  /** Whether it is the pool of the servers of all data centres. */
  readonly WAN: boolean
  readonly Datacenter: string
  readonly Segment: string
  /** What members had to say, by name. */
  readonly Messages: Readonly<Record<string, string>>
  /** Keys in base64, with how many members have each. */
  readonly Keys: Readonly<Record<string, number>>
  /** Keys in base64, with how many members encrypt with each. */
  readonly PrimaryKeys: Readonly<Record<string, number>>
  readonly NumNodes: number
  /** Why not all members did it; empty where they did. */
  readonly Error: string
}

/** Through how many others an answer may be relayed. */
export const relayFactorMax = 5
