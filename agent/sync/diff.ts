import { isDeepStrictEqual } from 'node:util'

import { serfCheckId } from '../../server/model/check.ts'
import type { HealthCheck } from '../../server/model/check.ts'
import type { Node } from '../../server/model/node.ts'
import type { Service } from '../../server/model/service.ts'
import type { CheckRow, ServiceRow } from '../local/definitions.ts'
import type { LocalCheck, LocalService } from '../local/state.ts'

/** What an agent knows of itself, as its catalog row should say it. */
export interface LocalNode {
  readonly ID: string
  readonly Node: string
  readonly Address: string
  readonly Datacenter: string
  readonly TaggedAddresses: Readonly<Record<string, string>>
  readonly Meta: Readonly<Record<string, string>>
}

export interface LocalEntries {
  readonly node: LocalNode
  readonly services: ReadonlyMap<string, LocalService>
  readonly checks: ReadonlyMap<string, LocalCheck>
}

/** What the catalog has of this node; undefined where it has no such node. */
export interface RemoteEntries {
  readonly node: Node | undefined
  readonly services: readonly Service[]
  readonly checks: readonly HealthCheck[]
}

export interface Differences {
  readonly nodeInSync: boolean
  readonly services: readonly { readonly row: ServiceRow; readonly inSync: boolean }[]
  readonly checks: readonly { readonly row: CheckRow; readonly inSync: boolean }[]
  /** Tags edited in the catalog that the agent takes over. */
  readonly adoptedTags: readonly {
    readonly row: ServiceRow
    readonly tags: readonly string[] | null
  }[]
  /** In the catalog, but not (or no longer) ours. */
  readonly strayServiceIds: readonly string[]
  readonly strayCheckIds: readonly string[]
}

/** The service that the leader keeps for every server; no agent's own. */
export const serverServiceId = 'consul'

/**
 * Compares what should be with what is, both ways. The leader's own entries (the server service and the gossip check) are left
 * alone, so that no agent fights the leader over them.
 */
export function differences(local: LocalEntries, remote: RemoteEntries): Differences {
  const remoteServices = new Map(remote.services.map((row) => [row.ID, row]))
  const remoteChecks = new Map(remote.checks.map((row) => [row.CheckID, row]))
  const services = live(local.services)
  const adoptedTags = services.flatMap(({ row }) => {
    const there = remoteServices.get(row.ID)
    return there !== undefined && row.EnableTagOverride && !isDeepStrictEqual(there.Tags, row.Tags)
      ? [{ row, tags: there.Tags }]
      : []
  })
  return {
    nodeInSync: remote.node !== undefined && sameNode(local.node, remote.node),
    services: services.map(({ row }) => ({
      row,
      inSync: sameService(row, remoteServices.get(row.ID)),
    })),
    checks: live(local.checks).map((check) => ({
      row: check.row,
      inSync: sameCheck(check, remoteChecks.get(check.row.CheckID)),
    })),
    adoptedTags,
    strayServiceIds: [...remoteServices.keys()].filter(
      (id) => id !== serverServiceId && (local.services.get(id)?.gone ?? true),
    ),
    strayCheckIds: [...remoteChecks.values()]
      .filter(
        ({ CheckID, ServiceID }) =>
          CheckID !== serfCheckId &&
          ServiceID !== serverServiceId &&
          (local.checks.get(CheckID)?.gone ?? true),
      )
      .map(({ CheckID }) => CheckID),
  }
}

function live<Entry extends { readonly gone: boolean }>(
  entries: ReadonlyMap<string, Entry>,
): Entry[] {
  return [...entries.values()].filter(({ gone }) => !gone)
}

function sameNode(local: LocalNode, remote: Node): boolean {
  return (
    local.ID === remote.ID &&
    local.Address === remote.Address &&
    isDeepStrictEqual(local.TaggedAddresses, remote.TaggedAddresses ?? {}) &&
    isDeepStrictEqual(local.Meta, remote.Meta ?? {})
  )
}

function sameService(local: ServiceRow, remote: Service | undefined): boolean {
  if (remote === undefined) return false
  const { CreateIndex: _created, ModifyIndex: _modified, ...there } = remote
  const mine = local.EnableTagOverride ? { ...local, Tags: there.Tags } : local
  return isDeepStrictEqual(comparable(mine), comparable(there))
}

/** Nothing given and given as empty are the same thing to the catalog. */
function comparable(row: ServiceRow): ServiceRow {
  return {
    ...row,
    Kind: row.Kind ?? '',
    Tags: row.Tags ?? [],
    Meta: row.Meta ?? {},
    TaggedAddresses: row.TaggedAddresses ?? {},
  }
}

function sameCheck({ row, deferred }: LocalCheck, remote: HealthCheck | undefined): boolean {
  if (remote === undefined) return false
  const { CreateIndex: _created, ModifyIndex: _modified, ...there } = remote
  // While a change of output waits for its time, only the rest counts.
  const silent = deferred === undefined ? {} : { Output: '' }
  return isDeepStrictEqual(
    { ...row, ServiceTags: row.ServiceTags ?? [], ...silent },
    { ...there, ServiceTags: there.ServiceTags ?? [], ...silent },
  )
}
