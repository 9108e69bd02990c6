import { tagsIn } from './serf/members.ts'
import type { RemoteState } from './wire/messages.ts'

export interface LanAdmissionOptions {
  readonly nodeName: string
  readonly nodeId: string
  readonly datacenter: string
}

/**
 * Who may be in the pool of a data centre, in the words of Consul, or null where all of these may: agents of this data centre and
 * of no network segment, each with an id of its own. A node that was cloned with its data directory would take another's place in
 * the catalog.
 */
export function lanAdmission({
  nodeName,
  nodeId,
  datacenter,
}: LanAdmissionOptions): (states: readonly RemoteState[]) => string | null {
  return (states) => {
    const names = new Map<string, string>()
    for (const { node, meta, state } of states) {
      const { id = '', role, dc = '', segment = '' } = tagsIn(meta)
      if (id !== '') {
        if (state === 'left') continue
        if (id === nodeId && node !== nodeName)
          return `Member '${node}' has conflicting node ID '${id}' with this agent's ID`
        const other = names.get(id)
        if (other !== undefined)
          return `Member '${node}' has conflicting node ID '${id}' with member '${other}'`
        names.set(id, node)
      }
      if ((role === 'node' || role === 'consul') && dc !== datacenter)
        return `Member '${node}' part of wrong datacenter '${dc}'`
      if (segment !== '') return `Member '${node}' part of wrong segment '${segment}' (expected '')`
    }
    return null
  }
}
