import type { Chance } from '../../server/runtime/chance.ts'
import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { CheckRow, ServiceRow } from './definitions.ts'

/**
 * What this agent is in charge of: its services and checks, as they should stand in the catalog. The agent is the source of truth
 * for them; anti-entropy carries every difference over. An entry that went stays here, marked, until the catalog knows.
 */
export interface LocalService {
  readonly row: ServiceRow
  readonly token: string
  readonly gone: boolean
  readonly inSync: boolean
}

export interface LocalCheck {
  readonly row: CheckRow
  readonly token: string
  readonly gone: boolean
  readonly inSync: boolean
  /** Since when the check has been critical, on the monotonic clock. */
  readonly criticalSinceMs: number | undefined
  /** A change of output alone waits for this timer before it is worth a write to the catalog. */
  readonly deferred: Timer | undefined
}

export interface LocalStateOptions {
  readonly clock: Clock
  readonly chance: Chance
  /** How long a change that is only in a check's output may wait; 0 sends each at once. */
  readonly checkUpdateIntervalMs: number
  /** What to begin with: see `discardOutput`. */
  readonly discardCheckOutput: boolean
}

export class LocalState {
  readonly #options: LocalStateOptions
  readonly #services = new Map<string, LocalService>()
  readonly #checks = new Map<string, LocalCheck>()
  readonly #listeners = new Set<() => void>()
  readonly #watchers = new Map<string, Set<() => void>>()
  /** Keeps nothing of what checks say from now on but their statuses. */
  discardOutput: boolean

  constructor(options: LocalStateOptions) {
    this.#options = options
    this.discardOutput = options.discardCheckOutput
  }

  /** Calls back after every change that the catalog should hear of. The result takes the wish back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Calls back when that service, or a check of it, comes, goes or changes its status; and for checks of the node, since they speak
   * of all its services. The result takes the wish back.
   */
  watchService(serviceId: string, listener: () => void): () => void {
    const watchers = this.#watchers.get(serviceId) ?? new Set()
    this.#watchers.set(serviceId, watchers.add(listener))
    return () => {
      watchers.delete(listener)
      if (watchers.size === 0) this.#watchers.delete(serviceId)
    }
  }

  /** Everything, with what is gone but not yet forgotten: for anti-entropy. */
  get entries(): {
    readonly services: ReadonlyMap<string, LocalService>
    readonly checks: ReadonlyMap<string, LocalCheck>
  } {
    return { services: this.#services, checks: this.#checks }
  }

  service(id: string): ServiceRow | undefined {
    const found = this.#services.get(id)
    return found === undefined || found.gone ? undefined : found.row
  }

  check(id: string): CheckRow | undefined {
    return this.liveCheck(id)?.row
  }

  liveCheck(id: string): LocalCheck | undefined {
    const found = this.#checks.get(id)
    return found === undefined || found.gone ? undefined : found
  }

  /** Services that are there, by id. */
  services(): ServiceRow[] {
    return [...this.#services.values()]
      .filter(({ gone }) => !gone)
      .map(({ row }) => row)
      .toSorted((a, b) => (a.ID < b.ID ? -1 : 1))
  }

  checks(): CheckRow[] {
    return [...this.#checks.values()]
      .filter(({ gone }) => !gone)
      .map(({ row }) => row)
      .toSorted((a, b) => (a.CheckID < b.CheckID ? -1 : 1))
  }

  checksOfService(serviceId: string): CheckRow[] {
    return this.checks().filter(({ ServiceID }) => ServiceID === serviceId)
  }

  /** The checks of a service and those of the whole node, which speak of it too. */
  checksConcerning(serviceId: string): CheckRow[] {
    return [...this.#checks.values()]
      .filter(({ gone, row }) => !gone && (row.ServiceID === serviceId || row.ServiceID === ''))
      .map(({ row }) => row)
      .toSorted((a, b) => (a.CheckID < b.CheckID ? -1 : 1))
  }

  putService(row: ServiceRow, token: string): void {
    this.#services.set(row.ID, { row, token, gone: false, inSync: false })
    this.#changed()
    this.#tellWatchers(row.ID)
  }

  /** Puts a check in; where it was there already, its status and output stand until the next result. */
  putCheck(row: CheckRow, token: string, { keepStatus }: { readonly keepStatus: boolean }): void {
    const before = this.liveCheck(row.CheckID)
    before?.deferred?.cancel()
    const kept =
      keepStatus && before !== undefined
        ? { ...row, Status: before.row.Status, Output: before.row.Output }
        : row
    this.#checks.set(row.CheckID, {
      row: kept,
      token,
      gone: false,
      inSync: false,
      criticalSinceMs: this.#criticalSince(kept.Status, before),
      deferred: undefined,
    })
    this.#changed()
    this.#tellWatchers(row.ServiceID)
  }

  /** False where there was none. Its checks are the caller's to remove. */
  removeService(id: string): boolean {
    const found = this.#services.get(id)
    if (found === undefined || found.gone) return false
    this.#services.set(id, { ...found, gone: true, inSync: false })
    this.#changed()
    this.#tellWatchers(id)
    return true
  }

  removeCheck(id: string): boolean {
    const found = this.liveCheck(id)
    if (found === undefined) return false
    found.deferred?.cancel()
    this.#checks.set(id, { ...found, gone: true, inSync: false, deferred: undefined })
    this.#changed()
    this.#tellWatchers(found.row.ServiceID)
    return true
  }

  /**
   * Notes a result. A new status goes to the catalog at once; new words under the same status wait, since a check that prints the
   * time would otherwise cost the cluster a write per run.
   */
  updateCheck(id: string, Status: string, text: string): void {
    const found = this.liveCheck(id)
    if (found === undefined) return
    const { checkUpdateIntervalMs, clock, chance } = this.#options
    const Output = this.discardOutput ? '' : text
    const criticalSinceMs = this.#criticalSince(Status, found)
    if (found.row.Status === Status && found.row.Output === Output) return
    const row = { ...found.row, Status, Output }
    if (checkUpdateIntervalMs > 0 && found.row.Status === Status) {
      const delayMs = checkUpdateIntervalMs / 2 + chance.fraction() * checkUpdateIntervalMs
      const deferred = found.deferred ?? clock.after(delayMs, () => this.#outputIsDue(id))
      this.#checks.set(id, { ...found, row, criticalSinceMs, deferred })
      return
    }
    found.deferred?.cancel()
    this.#checks.set(id, { ...found, row, criticalSinceMs, deferred: undefined, inSync: false })
    this.#changed()
    if (found.row.Status !== Status) this.#tellWatchers(row.ServiceID)
  }

  markService(id: string, row: ServiceRow, inSync: boolean): void {
    const found = this.#services.get(id)
    // Only what was compared is marked: the definition may have changed while the catalog was being asked.
    if (found?.row === row) this.#services.set(id, { ...found, inSync })
  }

  /** Takes over tags that were edited in the catalog, where the service's definition lets them be. */
  adoptTags(id: string, row: ServiceRow, Tags: readonly string[] | null): void {
    const found = this.#services.get(id)
    if (found?.row === row)
      this.#services.set(id, { ...found, row: { ...row, Tags: Tags === null ? null : [...Tags] } })
  }

  markCheck(id: string, row: CheckRow, inSync: boolean): void {
    const found = this.#checks.get(id)
    if (found?.row === row) this.#checks.set(id, { ...found, inSync })
  }

  /** The catalog has heard that it is gone. */
  forgetService(id: string): void {
    if (this.#services.get(id)?.gone === true) this.#services.delete(id)
  }

  forgetCheck(id: string): void {
    if (this.#checks.get(id)?.gone === true) this.#checks.delete(id)
  }

  [Symbol.dispose](): void {
    for (const { deferred } of this.#checks.values()) deferred?.cancel()
    this.#listeners.clear()
    this.#watchers.clear()
  }

  #outputIsDue(id: string): void {
    const found = this.#checks.get(id)
    if (found === undefined) return
    this.#checks.set(id, { ...found, deferred: undefined, inSync: false })
    this.#changed()
  }

  #criticalSince(status: string, before: LocalCheck | undefined): number | undefined {
    if (status !== 'critical') return undefined
    return before?.criticalSinceMs ?? this.#options.clock.monotonicMs()
  }

  #tellWatchers(serviceId: string): void {
    const told =
      serviceId === '' ? [...this.#watchers.values()] : [this.#watchers.get(serviceId) ?? []]
    for (const watchers of told) for (const watcher of watchers) watcher()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
