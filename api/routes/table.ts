import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App } from '../request.ts'
import { kvRoutes } from './kv.ts'
import { statusRoutes } from './status.ts'

/** One row per family of routes. */
export const families: readonly ((app: App, ports: ApiPorts, settings: ApiSettings) => void)[] = [
  statusRoutes,
  kvRoutes,
]
