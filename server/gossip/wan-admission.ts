import { tagsIn } from './serf/members.ts'
import type { RemoteState } from './wire/messages.ts'
import type { Tags } from './wire/tags.ts'

/**
 * Who may be in the pool between data centres, in the words of Consul, or null where all of these may: servers, of any data centre.
 * Others that came in would spread to every data centre.
 */
export function wanAdmission(states: readonly RemoteState[]): string | null {
  const other = states.find(({ meta }) => !isServer(tagsIn(meta)))
  return other === undefined ? null : `Member '${other.node}' is not a server`
}

/** Whether Consul's agents would read a server's description in these tags: those with numbers must have them. */
function isServer(tags: Tags): boolean {
  return (
    tags['role'] === 'consul' &&
    version.test(tags['build'] ?? '') &&
    ['port', 'vsn'].every((name) => integer.test(tags[name] ?? '')) &&
    Object.entries(tags).every(([name, value]) => !isNumbered(name) || integer.test(value))
  )
}

function isNumbered(name: string): boolean {
  return name.startsWith('ft_') || ['expect', 'raft_vsn', 'wan_join_port'].includes(name)
}

const integer = /^[+-]?\d+$/
const version = /^v?\d+(\.\d+)*/
