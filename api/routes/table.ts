import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App } from '../request.ts'
import { aclRoutes } from './acl.ts'
import { agentCheckRoutes } from './agent-check.ts'
import { agentHealthRoutes } from './agent-health.ts'
import { agentMetricsRoutes } from './agent-metrics.ts'
import { agentMonitorRoutes } from './agent-monitor.ts'
import { agentServiceRoutes } from './agent-service.ts'
import { agentRoutes } from './agent.ts'
import { catalogRoutes } from './catalog.ts'
import { coordinateRoutes } from './coordinate.ts'
import { debugPprofRoutes } from './debug-pprof.ts'
import { eventRoutes } from './event.ts'
import { healthRoutes } from './health.ts'
import { internalUiRoutes } from './internal-ui.ts'
import { kvRoutes } from './kv.ts'
import { operatorAutopilotRoutes } from './operator-autopilot.ts'
import { operatorKeyringRoutes } from './operator-keyring.ts'
import { operatorRaftRoutes } from './operator-raft.ts'
import { pageRoutes } from './page.ts'
import { sessionRoutes } from './session.ts'
import { snapshotRoutes } from './snapshot.ts'
import { statusRoutes } from './status.ts'
import { txnRoutes } from './txn.ts'

/** One row per family of routes. */
export const families: readonly ((app: App, ports: ApiPorts, settings: ApiSettings) => void)[] = [
  statusRoutes,
  agentRoutes,
  agentServiceRoutes,
  agentCheckRoutes,
  agentHealthRoutes,
  agentMetricsRoutes,
  agentMonitorRoutes,
  catalogRoutes,
  healthRoutes,
  kvRoutes,
  sessionRoutes,
  txnRoutes,
  coordinateRoutes,
  eventRoutes,
  snapshotRoutes,
  operatorRaftRoutes,
  operatorAutopilotRoutes,
  operatorKeyringRoutes,
  internalUiRoutes,
  aclRoutes,
  debugPprofRoutes,
  pageRoutes,
]
