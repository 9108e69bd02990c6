import type { HealthCheck } from '../model/check.ts'
import { parseDuration } from '../model/duration.ts'
import { noPathToDatacenter, PraetorError } from '../model/errors.ts'
import { findMeshMistakes } from '../model/mesh-role.ts'
import { nodeIdMistake } from '../model/node-id.ts'
import type { Deregistration, Given, Registration } from '../model/registration.ts'
import type { Service } from '../model/service.ts'

/**
 * The registration as it goes into the log: with what Consul fills in for a client. Throws PraetorErrors, in Consul's words and
 * in Consul's order, for what is refused whatever the catalog holds.
 */
export function completeRegistration(given: Registration, datacenter: string): Registration {
  checkDatacenter(given.Datacenter, datacenter)
  if (given.Node === '') throw refusal('Must provide node')
  if (given.Address === '' && !given.SkipNodeUpdate)
    throw refusal('Must provide address if SkipNodeUpdate is not set')
  const mistake = given.ID === '' ? undefined : nodeIdMistake(given.ID)
  if (mistake !== undefined) throw refusal(`Bad node ID: ${mistake}`)
  const { Service, Check, Checks = [], ...node } = given
  return {
    ...node,
    Datacenter: datacenter,
    ...(Service ? { Service: completeService(Service) } : {}),
    Checks: (Check ? [...Checks, Check] : Checks).map((check) => completeCheck(check, given.Node)),
  }
}

export function checkDeregistration(gone: Deregistration, datacenter: string): void {
  checkDatacenter(gone.Datacenter, datacenter)
  if (gone.Node === '') throw refusal('Must provide node')
}

function checkDatacenter(asked: string | undefined, own: string): void {
  if (asked !== undefined && asked !== '' && asked !== own) throw noPathToDatacenter()
}

/** Nobody can be reached at these: they mean every address of the machine that says them. */
const unspecified: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]'])

/** A service as it goes into the log, by registration or by transaction. Throws for what is refused whatever there is. */
export function completeService(service: Given<Service>): Given<Service> {
  const mistakes = findMeshMistakes(service)
  if (mistakes !== undefined) throw refusal(mistakes)
  if (service.ID !== '' && service.Service === '')
    throw refusal('Must provide service name with ID')
  if (unspecified.has(service.Address)) throw refusal('Invalid service address')
  return service.ID === '' ? { ...service, ID: service.Service } : service
}

function completeCheck(check: Given<HealthCheck>, node: string): Given<HealthCheck> {
  return {
    ...check,
    CheckID: check.CheckID === '' ? check.Name : check.CheckID,
    Node: check.Node === '' ? node : check.Node,
    Type: check.Type === '' ? typeOf(check.Definition) : check.Type,
  }
}

/** Catalog registrations seldom say what kind of check they define; it can be seen. */
function typeOf(definition: HealthCheck['Definition']): string {
  const given = (name: string): boolean =>
    typeof definition[name] === 'string' && definition[name] !== ''
  const scripted = Array.isArray(definition['ScriptArgs']) && definition['ScriptArgs'].length > 0
  const periodic = isLasting(definition['Interval'])
  if (given('GRPC') && periodic) return 'grpc'
  if (given('HTTP') && periodic) return 'http'
  if (isLasting(definition['TTL'])) return 'ttl'
  if (given('TCP') && periodic) return 'tcp'
  if (given('AliasNode') || given('AliasService')) return 'alias'
  if (scripted && given('DockerContainerID') && periodic) return 'docker'
  return scripted ? 'script' : ''
}

/** A duration above zero: text, or nanoseconds. */
function isLasting(duration: unknown): boolean {
  if (typeof duration === 'number') return duration > 0
  if (typeof duration !== 'string') return false
  const parsed = parseDuration(duration)
  return parsed.ok && parsed.ms > 0
}

function refusal(text: string): PraetorError {
  return new PraetorError('failed', text)
}
