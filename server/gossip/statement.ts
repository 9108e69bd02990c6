import type { Member } from '../model/member.ts'
import { tagsIn } from './serf/members.ts'
import type { Identity } from './swim/events.ts'
import type { Alive } from './wire/messages.ts'
import { encodeTags } from './wire/tags.ts'

/** What a member says of itself when it starts. */
export function statementOf(member: Member): Alive {
  const { ProtocolMin, ProtocolMax, ProtocolCur, DelegateMin, DelegateMax, DelegateCur } = member
  return {
    kind: 'alive',
    incarnation: 1,
    node: member.Name,
    address: { host: member.Addr, port: member.Port },
    meta: encodeTags(member.Tags),
    versions: {
      protocol: [ProtocolMin, ProtocolMax, ProtocolCur],
      delegate: [DelegateMin, DelegateMax, DelegateCur],
    },
  }
}

/** The node's id, which Consul's agents have in their tags. */
export function identify(meta: Uint8Array): Identity | null {
  const { id = '' } = tagsIn(meta)
  return id === '' ? null : { id, startedMs: null }
}
