import { nodeMaintenanceId, serviceMaintenancePrefix } from '../../server/model/check.ts'
import type { CheckStatus } from '../../server/model/check.ts'
import { emptyCheckDefinition } from '../../server/model/definition.ts'
import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { CheckRunner } from '../checks/runner.ts'
import { checkOf, checkScriptPermission, checksOf, mayRunScript, serviceOf } from './definitions.ts'
import type {
  CheckRow,
  CheckSpecification,
  DefinitionSource,
  ScriptPermission,
  ServiceRow,
} from './definitions.ts'
import type { LocalFiles } from './persist.ts'
import { definitionOf, keptDefinition, ownRow } from './persisted-check.ts'
import { sidecarId, sidecarOf } from './sidecar.ts'
import type { SidecarPorts } from './sidecar.ts'
import type { LocalState } from './state.ts'

export interface RegistryOptions {
  readonly node: string
  readonly clock: Clock
  readonly log: Log
  readonly state: LocalState
  readonly runner: CheckRunner
  readonly files: LocalFiles
  readonly scripts: ScriptPermission
  readonly sidecarPorts: SidecarPorts
}

export interface RegistrationOptions {
  readonly token: string
  /** Checks of the service that the definition doesn't name go. */
  readonly replaceExistingChecks: boolean
  /** `remote` came by the API and outlives the process; `local` stands in a file and is read again. */
  readonly source: DefinitionSource
}

/** Shorter than this a service would be gone before anyone could look at it. */
const deregisterAfterMinMs = 60_000
const reapIntervalMs = 30_000

/**
 * Registers and deregisters: the one place where the local state, the running checks and the files of a data directory change
 * together.
 */
export class Registry {
  readonly #options: RegistryOptions
  readonly #definitions = new Map<string, CheckDefinition>()
  /** What stands in configuration files, and so goes when it no longer does. */
  readonly #configured = { services: new Set<string>(), checks: new Set<string>() }
  /** Services that came beside others and go with them, by their ids. */
  readonly #sidecars = new Set<string>()
  #reaper: { cancel(): void } | undefined

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** A service, and the proxy beside it where it wants one: both or, where one of them can't be, neither. */
  async registerService(
    definition: ServiceDefinition,
    options: RegistrationOptions,
  ): Promise<void> {
    const { state, scripts, sidecarPorts } = this.#options
    const service = serviceOf(definition)
    const sidecar = sidecarOf(definition, service, state.services(), sidecarPorts)
    for (const { Checks } of sidecar === undefined ? [definition] : [definition, sidecar])
      for (const check of Checks) checkScriptPermission(check, options.source, scripts)
    await this.#register(definition, { ...options, isSidecar: false })
    if (sidecar !== undefined) await this.#register(sidecar, { ...options, isSidecar: true })
  }

  async #register(
    definition: ServiceDefinition,
    {
      token,
      replaceExistingChecks,
      source,
      isSidecar,
    }: RegistrationOptions & { readonly isSidecar: boolean },
  ): Promise<void> {
    const { state, files, node } = this.#options
    const service = serviceOf(definition)
    const checks = checksOf(definition, service, node)
    const ownToken = definition.Token === '' ? token : definition.Token
    const before = state.checksOfService(service.ID)
    if (isSidecar) this.#sidecars.add(service.ID)
    else this.#sidecars.delete(service.ID)
    if (source === 'local') this.#configured.services.add(service.ID)
    else
      await files.save('services', service.ID, {
        Token: ownToken,
        Service: service,
        Source: source,
        ...(isSidecar ? { IsSidecar: true } : {}),
      })
    // The checks go in first, so that the catalog gets the service together with them and never without.
    for (const check of checks)
      await this.#addCheck(
        check,
        check.definition.Token === '' ? ownToken : check.definition.Token,
        source,
      )
    state.putService(service, ownToken)
    if (!replaceExistingChecks) return
    const named = new Set(checks.map(({ row }) => row.CheckID))
    for (const { CheckID } of before)
      if (!named.has(CheckID) && !CheckID.startsWith(serviceMaintenancePrefix))
        await this.deregisterCheck(CheckID)
  }

  /** Silent where there is no such service, as Consul is. */
  async deregisterService(id: string): Promise<void> {
    const { state, files } = this.#options
    if (id === '') throw new PraetorError('failed', 'ServiceID missing')
    await files.remove('services', id)
    // The service first: the catalog then takes its checks along in the same step.
    const checks = state.checksOfService(id)
    state.removeService(id)
    for (const { CheckID } of checks) await this.deregisterCheck(CheckID)
    this.#sidecars.delete(id)
    if (this.#sidecars.has(sidecarId(id))) await this.deregisterService(sidecarId(id))
  }

  async registerCheck(
    definition: CheckDefinition,
    { token, source }: Omit<RegistrationOptions, 'replaceExistingChecks'>,
  ): Promise<void> {
    const { state, node, scripts } = this.#options
    const specification = checkOf(definition, node, (id) => state.service(id))
    checkScriptPermission(definition, source, scripts)
    await this.#addCheck(specification, definition.Token === '' ? token : definition.Token, source)
  }

  async deregisterCheck(id: string): Promise<void> {
    const { state, runner, files } = this.#options
    if (id === '') throw new PraetorError('failed', 'CheckID missing')
    runner.stop(id)
    this.#definitions.delete(id)
    state.removeCheck(id)
    await files.remove('checks', id)
    await files.remove('checks/state', id)
  }

  async updateTtl(id: string, status: CheckStatus, output: string): Promise<void> {
    const { runner, files, state, clock } = this.#options
    if (!runner.updateTtl(id, status, output))
      throw new PraetorError('failed', `CheckID ${JSON.stringify(id)} does not have associated TTL`)
    const ttlMs = this.#definitions.get(id)?.TTLMs ?? 0
    await files.save('checks/state', id, {
      CheckID: id,
      Output: state.check(id)?.Output ?? output,
      Status: status,
      Expires: Math.floor((clock.wallMs() + ttlMs) / 1000),
    })
  }

  async serviceMaintenance(
    id: string,
    enable: boolean,
    reason: string,
    token: string,
  ): Promise<void> {
    const service = this.#options.state.service(id)
    if (service === undefined)
      throw new PraetorError('not-found', `No service registered with ID ${JSON.stringify(id)}`)
    await this.#maintain(`${serviceMaintenancePrefix}${id}`, enable, token, {
      Name: 'Service Maintenance Mode',
      Notes:
        reason === ''
          ? 'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.'
          : reason,
      service,
    })
  }

  async nodeMaintenance(enable: boolean, reason: string, token: string): Promise<void> {
    await this.#maintain(nodeMaintenanceId, enable, token, {
      Name: 'Node Maintenance Mode',
      Notes:
        reason === ''
          ? 'Maintenance mode is enabled for this node, but no reason was provided. This is a default message.'
          : reason,
      service: undefined,
    })
  }

  /**
   * Makes what the files say so: new and changed definitions are registered, those that are no longer there go. What clients
   * registered stays.
   */
  async configure(
    services: readonly ServiceDefinition[],
    checks: readonly CheckDefinition[],
  ): Promise<void> {
    const before = {
      services: [...this.#configured.services],
      checks: [...this.#configured.checks],
    }
    this.#configured.services.clear()
    this.#configured.checks.clear()
    const options = { token: '', source: 'local' } as const
    for (const definition of services)
      await this.registerService(definition, { ...options, replaceExistingChecks: true })
    for (const definition of checks) {
      await this.registerCheck(definition, options)
      this.#configured.checks.add(definition.CheckID === '' ? definition.Name : definition.CheckID)
    }
    for (const id of before.services)
      if (!this.#configured.services.has(id)) await this.deregisterService(id)
    for (const id of before.checks)
      if (!this.#configured.checks.has(id)) await this.deregisterCheck(id)
  }

  /** Takes up what clients registered before the last stop. */
  async restore(): Promise<void> {
    const { files, state, clock, runner, scripts, log } = this.#options
    for (const { Service, Token, IsSidecar = false } of await files.load('services')) {
      if (state.service(Service.ID) !== undefined) continue
      if (IsSidecar) this.#sidecars.add(Service.ID)
      state.putService(ownRow(Service), Token)
    }
    const words = new Map((await files.load('checks/state')).map((word) => [word.CheckID, word]))
    for (const { Check: kept, ChkType, Token } of await files.load('checks')) {
      const Check = ownRow(kept)
      if (state.check(Check.CheckID) !== undefined) continue
      // A service may have gone from the files while its check stayed; such a check has nothing to speak of.
      if (Check.ServiceID !== '' && state.service(Check.ServiceID) === undefined) {
        await files.remove('checks', Check.CheckID)
        continue
      }
      const definition = definitionOf(ChkType)
      if (!mayRunScript(definition, 'remote', scripts)) {
        log.warn({ check: Check.CheckID }, 'Forgetting a script check: scripts are disabled now')
        await files.remove('checks', Check.CheckID)
        continue
      }
      const row =
        Check.Type === 'maintenance'
          ? Check
          : { ...Check, Status: definition.Status || 'critical', Output: '' }
      state.putCheck(row, Token, { keepStatus: false })
      if (Check.Type !== 'maintenance') this.#run({ row, definition }, Token)
    }
    for (const { CheckID, Status, Output, Expires } of words.values()) {
      const leftMs = Expires * 1000 - clock.wallMs()
      if (leftMs <= 0 || state.check(CheckID)?.Type !== 'ttl') {
        await files.remove('checks/state', CheckID)
        continue
      }
      state.updateCheck(CheckID, Status, Output)
      runner.resumeTtl(CheckID, Output, leftMs)
    }
  }

  /** Deregisters services that were critical for longer than one of their checks allows, every so often. */
  startReaper(): void {
    this.#reaper = this.#options.clock.after(reapIntervalMs, () => {
      void this.#reap().finally(() => {
        if (this.#reaper !== undefined) this.startReaper()
      })
    })
  }

  [Symbol.dispose](): void {
    this.#reaper?.cancel()
    this.#reaper = undefined
  }

  async #reap(): Promise<void> {
    const { state, clock, log } = this.#options
    const due = new Set<string>()
    for (const { row, criticalSinceMs } of state.entries.checks.values()) {
      const afterMs = this.#definitions.get(row.CheckID)?.DeregisterCriticalServiceAfterMs ?? 0
      if (afterMs <= 0 || row.ServiceID === '' || criticalSinceMs === undefined) continue
      if (clock.monotonicMs() - criticalSinceMs > Math.max(afterMs, deregisterAfterMinMs))
        due.add(row.ServiceID)
    }
    for (const id of due) {
      if (state.service(id) === undefined) continue
      log.warn({ service: id }, 'Deregistered service that was critical for too long')
      await this.deregisterService(id)
    }
  }

  /** What a check of that id said stands until the new one's first result: a reload must not make a service flap. */
  async #addCheck(
    specification: CheckSpecification,
    token: string,
    source: DefinitionSource,
  ): Promise<void> {
    const { state, files } = this.#options
    const { row, definition } = specification
    if (source === 'remote')
      await files.save('checks', row.CheckID, {
        Check: row,
        ChkType: keptDefinition(definition),
        Token: token,
        Source: source,
      })
    state.putCheck(row, token, { keepStatus: true })
    this.#run(specification, token)
  }

  #run(specification: CheckSpecification, token: string): void {
    this.#definitions.set(specification.row.CheckID, specification.definition)
    this.#options.runner.start(specification, token)
  }

  async #maintain(
    CheckID: string,
    enable: boolean,
    token: string,
    given: {
      readonly Name: string
      readonly Notes: string
      readonly service: ServiceRow | undefined
    },
  ): Promise<void> {
    const { state, files, node } = this.#options
    if (!enable) return this.deregisterCheck(CheckID)
    if (state.check(CheckID) !== undefined) return
    const Check: CheckRow = {
      Node: node,
      CheckID,
      Name: given.Name,
      Status: 'critical',
      Notes: given.Notes,
      Output: '',
      ServiceID: given.service?.ID ?? '',
      ServiceName: given.service?.Service ?? '',
      ServiceTags: given.service?.Tags ?? null,
      Type: 'maintenance',
      Definition: {},
    }
    await files.save('checks', CheckID, {
      Check,
      ChkType: keptDefinition(emptyCheckDefinition),
      Token: token,
      Source: 'remote',
    })
    state.putCheck(Check, token, { keepStatus: false })
  }
}
