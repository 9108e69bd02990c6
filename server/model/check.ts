import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'
import { Node } from './node.ts'
import { Service } from './service.ts'

export const checkStatuses = ['passing', 'warning', 'critical'] as const
export type CheckStatus = (typeof checkStatuses)[number]

/** A check's row in the catalog. `Definition` holds what a catalog registration gave; agents leave it empty. */
export const HealthCheck = Type.Object({
  Node: Type.String(),
  CheckID: Type.String(),
  Name: Type.String(),
  Status: Type.String(),
  Notes: Type.String(),
  Output: Type.String(),
  ServiceID: Type.String(),
  ServiceName: Type.String(),
  ServiceTags: Type.Union([Type.Array(Type.String()), Type.Null()]),
  Type: Type.String(),
  Definition: Type.Record(Type.String(), Type.Unknown()),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
export type HealthCheck = Immutable<Type.Static<typeof HealthCheck>>

/** What `/v1/health/service/:name` answers: the instance, its node, and the checks of both, the node's first. */
export const ServiceNode = Type.Object({
  Node,
  Service,
  Checks: Type.Array(HealthCheck),
})
export type ServiceNode = Immutable<Type.Static<typeof ServiceNode>>

/** The check that gossip keeps for every member: critical while the member is not reachable. */
export const serfCheckId = 'serfHealth'
export const serfCheckName = 'Serf Health Status'
export const serfAliveOutput = 'Agent alive and reachable'
export const serfFailedOutput = 'Agent not live or unreachable'

export const nodeMaintenanceId = '_node_maintenance'
export const serviceMaintenancePrefix = '_service_maintenance:'

const severity: Readonly<Record<string, number>> = { passing: 0, warning: 1, critical: 2 }

/** The worst of the statuses, `maintenance` above all: what one word says of an instance. */
export function aggregateStatus(
  checks: readonly Pick<HealthCheck, 'CheckID' | 'Status'>[],
): string {
  let worst = 'passing'
  for (const { CheckID, Status } of checks) {
    if (CheckID === nodeMaintenanceId || CheckID.startsWith(serviceMaintenancePrefix))
      return 'maintenance'
    if ((severity[Status] ?? 0) > (severity[worst] ?? 0)) worst = Status
  }
  return worst
}

/** A check's definition of which nothing was given, as Go's client and the agent's health answers print it. */
export const emptyCheckPrint = {
  Interval: '0s',
  Timeout: '0s',
  DeregisterCriticalServiceAfter: '0s',
  HTTP: '',
  Header: null,
  Method: '',
  Body: '',
  TLSSkipVerify: false,
  TCP: '',
} as const
