import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import { formatDuration } from '../../server/model/duration.ts'

/** A service as `/v1/agent/service/register` takes it: only what was given, durations as Go writes them. */
export function registrationBody(service: Partial<ServiceDefinition>): string {
  return JSON.stringify(serviceBody(service))
}

function serviceBody({ Connect, Checks = [], ...service }: Partial<ServiceDefinition>): object {
  return {
    ...given(service),
    ...(Checks.length === 0 ? {} : { Checks: Checks.map(checkBody) }),
    ...(Connect === undefined ? {} : { Connect: connectBody(Connect) }),
  }
}

function connectBody({
  SidecarService,
  ...connect
}: NonNullable<ServiceDefinition['Connect']>): object {
  return SidecarService === undefined
    ? connect
    : { ...connect, SidecarService: serviceBody(SidecarService) }
}

function checkBody(check: CheckDefinition): object {
  const fields = Object.entries(given(check)).map(([name, value]) =>
    name.endsWith('Ms')
      ? [name.slice(0, -'Ms'.length), formatDuration(Number(value))]
      : [name, value as unknown],
  )
  return Object.fromEntries(fields)
}

/** Without the values that mean that nothing was said. */
function given(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) =>
      trueUnlessSaid.has(name) ? value === false : !isZero(value),
    ),
  )
}

const trueUnlessSaid: ReadonlySet<string> = new Set(['H2PingUseTLS'])

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === undefined || value === '' || value === 0 || value === false
}
