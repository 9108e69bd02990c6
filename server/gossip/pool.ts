import type { Member } from '../model/member.ts'

/**
 * Who else is there. Consensus asks it whom to begin with, the leader whom to take in and whom to give up, the catalog which
 * nodes are alive. Statuses are those of `server/model/member.ts`.
 */
export interface Pool extends AsyncDisposable {
  /** Everyone known, this node included, by name. */
  members(): readonly Member[]
  /** Calls back after every change of somebody's status or tags. The result takes the wish back. */
  onChange(listener: () => void): () => void
  /** Changes this node's own tags, and tells everybody. */
  setTags(tags: Readonly<Record<string, string>>): void
  /**
   * Contacts the addresses (`host:port`, or a host with the default port) and gives how many answered. Rejects with a PraetorError
   * in Consul's words where none did.
   */
  join(addresses: readonly string[]): Promise<number>
  /** Gossips an event to everybody, ourselves included. Throws a PraetorError where it is too long. */
  fire(event: { readonly name: string; readonly payload: Uint8Array }): void
  /** Tells everybody that this node goes for good. */
  leave(): Promise<void>
  /** Calls a failed member left, so that it is waited for no longer; false where there is no such member. */
  forceLeave(name: string): boolean
}
