import type { CheckDefinition, ServiceDefinition } from '../../server/model/definition.ts'
import type { Option } from './option.ts'
import { options } from './options.ts'
import { unsupported } from './unsupported.ts'

/** What one source says, or all of them together: only what was said, by the path of its option. */
export interface Settings {
  readonly values: ReadonlyMap<string, unknown>
  readonly services: readonly ServiceDefinition[]
  readonly checks: readonly CheckDefinition[]
}

export const noSettings: Settings = { values: new Map(), services: [], checks: [] }

/** Every option Consul has, by its path. */
export const knownOptions: ReadonlyMap<string, Option> = new Map<string, Option>(
  Object.entries({ ...options, ...unsupported }),
)

/** The paths of objects that hold options: `ports`, `dns_config.soa`. */
export const knownSections: ReadonlySet<string> = new Set(
  Array.from(knownOptions.keys()).flatMap((path) => {
    const steps = path.split('.')
    return steps.slice(1).map((_, depth) => steps.slice(0, depth + 1).join('.'))
  }),
)
