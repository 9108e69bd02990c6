import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'

/**
 * Whom a server watches by heartbeats: the other servers that are there. They are few and much depends on them, so they hear from
 * each other more often than from the rest. Who is no server watches nobody: its many like would swamp the few.
 */
export class ServerWatch {
  readonly #self: Member
  readonly #watched = new Set<string>()

  constructor(self: Member) {
    this.#self = self
  }

  /** All who are to be watched from now on, where that changed with this member; undefined where it did not. */
  note({ Name, Status, Tags }: Member, isReaped: boolean): readonly string[] | undefined {
    if (!isServer(this.#self.Tags) || Name === this.#self.Name) return undefined
    const isWatched = !isReaped && Status === memberStatus.alive && isServer(Tags)
    if (isWatched === this.#watched.has(Name)) return undefined
    if (isWatched) this.#watched.add(Name)
    else this.#watched.delete(Name)
    return [...this.#watched]
  }
}

function isServer(tags: Member['Tags']): boolean {
  return tags['role'] === 'consul'
}
