/**
 * News on its way to everybody: each is sent so and so many times, on packets that have room (SWIM §4.1, as memberlist refined it).
 *
 * One tier for each number of times sent; the least sent go first, and of those the newest. News of the same subject replaces
 * older news. So a packet is filled in the time of what goes into it, however long the queue: no sorting, no search.
 */
export class BroadcastQueue {
  /** By times sent; in each the newest is last. */
  readonly #tiers: Broadcast[][] = []
  readonly #bySubject = new Map<string | number, Broadcast>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `onDone` is called once, when it was sent often enough, or replaced, or dropped. */
  put(
    subject: string | number | null,
    bytes: Uint8Array,
    onDone: (() => void) | null = null,
  ): void {
    const older = subject === null ? undefined : this.#bySubject.get(subject)
    if (older !== undefined) this.#finish(older)
    const broadcast: Broadcast = { subject, bytes, onDone, transmits: 0, isGone: false }
    const fresh = this.#tier(0)
    // Replaced news is dropped when it is come by, which may be never where nobody is there to be told.
    if (fresh.length > 2 * this.#size + slack)
      this.#tiers[0] = fresh.filter(({ isGone }) => !isGone)
    this.#tier(0).push(broadcast)
    if (subject !== null) this.#bySubject.set(subject, broadcast)
    this.#size += 1
  }

  /** Whether anything of the subject is still being told. */
  has(subject: string | number): boolean {
    return this.#bySubject.has(subject)
  }

  /** What is sent next, in bytes; 0 where there is nothing. */
  firstBytes(): number {
    for (const tier of this.#tiers)
      for (let at = tier.length - 1; at >= 0; at -= 1) {
        const broadcast = tier[at]
        if (broadcast !== undefined && !broadcast.isGone) return broadcast.bytes.length
      }
    return 0
  }

  /**
   * Adds what fits to a packet, each with `partBytes` around it, and counts it as sent; at `transmitsMax` it is done. Gives
   * the bytes taken.
   */
  pack(parts: Uint8Array[], roomBytes: number, partBytes: number, transmitsMax: number): number {
    if (this.#size === 0) return 0
    const sent: Broadcast[] = []
    let leftBytes = roomBytes
    let misfits = 0
    for (const tier of this.#tiers) {
      const kept: Broadcast[] = []
      while (misfits < misfitsMax && parts.length < partsMax) {
        const broadcast = tier.pop()
        if (broadcast === undefined) break
        if (broadcast.isGone) continue
        const bytes = broadcast.bytes.length + partBytes
        if (bytes > leftBytes) {
          kept.push(broadcast)
          misfits += 1
          continue
        }
        leftBytes -= bytes
        parts.push(broadcast.bytes)
        sent.push(broadcast)
      }
      for (let at = kept.length - 1; at >= 0; at -= 1) tier.push(kept[at] as Broadcast)
    }
    // Only now, so that no packet carries the same twice.
    for (const broadcast of sent) this.#sent(broadcast, transmitsMax)
    return roomBytes - leftBytes
  }

  /** Drops the most often sent, and of those the oldest, until so many are left. */
  prune(sizeMax: number): void {
    for (let transmits = this.#tiers.length - 1; transmits >= 0; transmits -= 1)
      for (const broadcast of this.#tiers[transmits] ?? []) {
        if (this.#size <= sizeMax) return
        if (!broadcast.isGone) this.#finish(broadcast)
      }
  }

  #sent(broadcast: Broadcast, transmitsMax: number): void {
    broadcast.transmits += 1
    if (broadcast.transmits >= transmitsMax) this.#finish(broadcast)
    else this.#tier(broadcast.transmits).push(broadcast)
  }

  #finish(broadcast: Broadcast): void {
    broadcast.isGone = true
    this.#size -= 1
    const { subject, onDone } = broadcast
    if (subject !== null && this.#bySubject.get(subject) === broadcast)
      this.#bySubject.delete(subject)
    // It may be found gone in its tier much later, and the tiers of an empty queue hold nothing else.
    if (this.#size === 0) this.#tiers.length = 0
    if (onDone !== null) onDone()
  }

  #tier(transmits: number): Broadcast[] {
    return (this.#tiers[transmits] ??= [])
  }
}

interface Broadcast {
  /** Null for what replaces nothing. */
  readonly subject: string | number | null
  readonly bytes: Uint8Array
  readonly onDone: (() => void) | null
  transmits: number
  isGone: boolean
}

/** A compound counts its parts in a byte. */
export const partsMax = 255
/** How many that are too long for the rest of a packet are passed over before it goes as it is. */
const misfitsMax = 16
/** Replaced news that may lie in a tier before it is looked through. */
const slack = 64
