import { quote } from '../../server/filter/literal.ts'
import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import type { Rpc } from '../../server/model/methods.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { CheckKind } from './kind.ts'
import { faultText } from './kind.ts'
import type { Report } from './ttl.ts'

export const aliasCheck: CheckKind = {
  name: 'alias',
  accepts: ({ AliasNode, AliasService }) => AliasNode !== '' || AliasService !== '',
}

/** What an alias looks at: the services and checks of this agent, and by `rpc` those of others. */
export interface AliasSources {
  /** This agent's name. */
  readonly node: string
  readonly rpc: Rpc
  /** The checks of that service and those of the node, by id. */
  checks(serviceId: string): readonly AliasedCheck[]
  hasService(id: string): boolean
  /** Calls back when that service, a check of it, or one of the node comes, goes or changes its status. */
  watchService(id: string, listener: () => void): () => void
}

export interface AliasedCheck {
  readonly Node: string
  readonly CheckID: string
  readonly Name: string
  readonly Status: string
  readonly Output: string
  readonly ServiceID: string
}

export interface AliasTarget {
  /** The alias itself, which has no say in its own status. */
  readonly self: { readonly Node: string; readonly CheckID: string }
  /** `''` for this agent's. */
  readonly node: string
  /** `''` for checks of the node alone. */
  readonly serviceId: string
}

/** A call for a change that was missed: Consul looks again as often. */
const refreshMs = 60_000
/** How old a follower's word may be. */
const staleMaxMs = 15_000
const failuresBeforeWait = 3
const waitMaxMs = 60_000

/** Says of its service, or node, what the checks of it and of the node say: the worst of them, in the words of the first such. */
export class AliasCheck implements Disposable {
  readonly #sources: AliasSources
  readonly #clock: Clock
  readonly #target: AliasTarget
  readonly #report: Report
  readonly #stop = new AbortController()
  #timer: Timer | undefined

  constructor(
    checkId: string,
    { AliasNode, AliasService }: CheckDefinition,
    token: string,
    options: { readonly sources: AliasSources; readonly clock: Clock; readonly report: Report },
  ) {
    this.#sources = options.sources
    this.#clock = options.clock
    this.#report = options.report
    const self = { Node: options.sources.node, CheckID: checkId }
    this.#target = { self, node: AliasNode, serviceId: AliasService }
    if (AliasNode === '') this.#watch()
    else void this.#follow(token).catch(() => undefined)
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
    this.#stop.abort()
  }

  #watch(): void {
    const { serviceId } = this.#target
    const unwatch = this.#sources.watchService(serviceId, () => this.#look())
    this.#stop.signal.addEventListener('abort', unwatch, { once: true })
    this.#look()
  }

  #look(): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(refreshMs, () => this.#look())
    const { serviceId } = this.#target
    const isThere = this.#sources.hasService(serviceId)
    const checks = this.#sources.checks(serviceId)
    const { status, output } = aliasedStatus(checks, this.#target, isThere)
    this.#report(status, output)
  }

  /** Asks for the node's checks again and again, each time until they have changed. */
  async #follow(token: string): Promise<void> {
    const { signal } = this.#stop
    let minIndex = 0
    for (let failures = 0; !signal.aborted;) {
      if (failures > failuresBeforeWait) {
        const waitMs = Math.min(waitMaxMs, 1000 * 2 ** (failures - failuresBeforeWait))
        await sleep(this.#clock, waitMs, signal)
      }
      try {
        minIndex = await this.#ask(token, minIndex)
        failures = 0
      } catch (error) {
        failures += 1
        if (failures > 1 && !signal.aborted)
          this.#report('critical', `Failure checking aliased node or service: ${faultText(error)}`)
        // A refusal that comes at once must not become a loop that never rests.
        await sleep(this.#clock, 1, signal)
      }
    }
  }

  async #ask(token: string, minIndex: number): Promise<number> {
    const { rpc } = this.#sources
    const { node, serviceId } = this.#target
    const { signal } = this.#stop
    const asked = { consistency: 'stale', maxStaleMs: staleMaxMs, token, signal } as const
    const checks = await rpc.read(
      'Health.NodeChecks',
      { Node: node },
      { ...asked, minIndex, waitMs: refreshMs },
    )
    const isThere = await rpc
      .read('Catalog.NodeServices', { Node: node }, asked)
      .then(({ value }) => value?.Services.some(({ ID }) => ID === serviceId) ?? false)
      // Where that can't be told, the service is taken to be there.
      .catch(() => true)
    if (signal.aborted) return minIndex
    const { status, output } = aliasedStatus(checks.value, this.#target, isThere)
    this.#report(status, output)
    return Math.max(1, checks.meta.index)
  }
}

export function aliasedStatus(
  checks: readonly AliasedCheck[],
  { self, node, serviceId }: AliasTarget,
  isThere: boolean,
): { readonly status: CheckStatus; readonly output: string } {
  let status: CheckStatus = 'passing'
  let output = 'No checks found.'
  let isChecked = serviceId === ''
  for (const { Node, CheckID, Name, Status, Output, ServiceID } of checks) {
    if (CheckID === self.CheckID && Node === self.Node) continue
    if (ServiceID !== '' && ServiceID !== serviceId) continue
    if (ServiceID === serviceId) isChecked = true
    const failing = `Aliased check ${quote(Name)} failing: ${Output}`
    if (Status === 'critical') return { status: 'critical', output: failing }
    if (Status === 'warning') {
      status = 'warning'
      output = failing
    } else if (status === 'passing') output = 'All checks passing.'
  }
  return isChecked || isThere
    ? { status, output }
    : {
        status: 'critical',
        output: `Service ${serviceId} could not be found on node ${node}`,
      }
}
