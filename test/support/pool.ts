import type { Pool } from '../../server/gossip/pool.ts'
import { memberStatus } from '../../server/model/member.ts'
import type { Member } from '../../server/model/member.ts'
import { serverMember } from '../../server/server-member.ts'

/** A server as a pool knows it. */
export function serverNamed(nodeName: string, nodeId: string): Member {
  return serverMember({
    nodeName,
    nodeId,
    datacenter: 'dc1',
    address: '127.0.0.1',
    serverPort: 8300,
    serfLanPort: 8301,
    serfWanPort: 8302,
    bootstrap: false,
    useTls: false,
    protocol: 2,
    expect: 0,
  })
}

/** A pool whose members are what a test says. */
export class FakePool implements Pool {
  readonly #members = new Map<string, Member>()
  /** What was fired, by name and text. */
  readonly fired: [name: string, payload: string][] = []
  readonly #listeners = new Set<() => void>()

  set(member: Member, status: keyof typeof memberStatus = 'alive'): void {
    this.#members.set(member.Name, { ...member, Status: memberStatus[status] })
    for (const listener of this.#listeners) listener()
  }

  /** As a pool reaps, or prunes. */
  reap(name: string): void {
    this.#members.delete(name)
    for (const listener of this.#listeners) listener()
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  setTags(): void {}

  join(addresses: readonly string[]): Promise<number> {
    return Promise.resolve(addresses.length)
  }

  fire({ name, payload }: { readonly name: string; readonly payload: Uint8Array }): void {
    this.fired.push([name, new TextDecoder().decode(payload)])
  }

  leave(): Promise<void> {
    return Promise.resolve()
  }

  forceLeave(name: string): boolean {
    return this.#members.has(name)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
