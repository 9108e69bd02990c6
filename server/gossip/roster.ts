import { memberStatus } from '../model/member.ts'
import type { Member } from '../model/member.ts'

/** What a node tells of itself. A larger `version` is news; a restart begins with a larger one than any before. */
export interface Card {
  readonly member: Member
  readonly version: number
}

/** How long a member may be silent before it counts as failed. */
export const silenceMaxMs = 3_000

interface Entry {
  readonly card: Card
  readonly status: number
  /** When it was last heard, on the caller's monotonic clock. */
  readonly heardMs: number
}

/**
 * The members that one node knows: a pure bookkeeping of cards and silences. What a member is (its address, its tags) is what its
 * own newest card says; whether it is alive everyone finds out for themselves, by asking it.
 */
export class Roster {
  readonly #entries = new Map<string, Entry>()

  /** All entries as members, by name. */
  members(): Member[] {
    const members: Member[] = []
    for (const { card, status } of this.#entries.values())
      members.push({ ...card.member, Status: status })
    return members.toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
  }

  cards(): Card[] {
    return [...this.#entries.values()].map(({ card }) => card)
  }

  card(name: string): Card | undefined {
    return this.#entries.get(name)?.card
  }

  /** Somebody's card came in, from itself (`heard`) or by hearsay. True where that is news. */
  note(card: Card, heard: boolean, nowMs: number): boolean {
    const { Name, Status } = card.member
    const before = this.#entries.get(Name)
    const newer = before === undefined || card.version > before.card.version
    if (!newer && !heard) return false
    const kept = newer ? card : before.card
    // A card says `left` only of itself and for good; everything else about life is for direct experience to tell.
    const status =
      kept.member.Status === memberStatus.left || Status === memberStatus.left
        ? memberStatus.left
        : heard || before === undefined
          ? memberStatus.alive
          : before.status
    this.#entries.set(Name, {
      card: kept,
      status,
      heardMs: heard || before === undefined ? nowMs : before.heardMs,
    })
    return newer || before.status !== status
  }

  /** Gives up on those who were silent too long. True where that is news. */
  judge(ownName: string, nowMs: number): boolean {
    let news = false
    for (const [name, entry] of this.#entries) {
      if (name === ownName || entry.status !== memberStatus.alive) continue
      if (nowMs - entry.heardMs <= silenceMaxMs) continue
      this.#entries.set(name, { ...entry, status: memberStatus.failed })
      news = true
    }
    return news
  }

  /** Calls a failed member left. False where there is no such member. */
  forceLeave(name: string): boolean {
    const entry = this.#entries.get(name)
    if (entry === undefined) return false
    if (entry.status === memberStatus.failed)
      this.#entries.set(name, { ...entry, status: memberStatus.left })
    return true
  }
}
