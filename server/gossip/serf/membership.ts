import type { SwimMember } from '../swim/events.ts'
import type { Address } from '../wire/messages.ts'
import type { MemberRecord } from './members.ts'
import { asMember, tagsIn } from './members.ts'
import { count, swim, tell, tellOf } from './state.ts'
import type { SerfState } from './state.ts'

/**
 * What the membership core says of members, in Serf's words. It knows who answers; that somebody who no longer does went on
 * purpose is known from the intent that came before.
 */
export function onJoined(state: SerfState, member: SwimMember): void {
  const known = state.members.get(member.name)
  if (known === undefined) {
    const intent = state.intents.take(member.name)
    const record: MemberRecord = {
      name: member.name,
      address: member.address,
      tags: tagsIn(member.meta),
      versions: member.versions,
      status: intent?.kind === 'leave' ? 'leaving' : 'alive',
      statusTime: intent?.time ?? 0,
      goneMs: 0,
      prune: false,
    }
    state.members.add(record)
    count(state, 'serf.member.join')
    tellOf(state, 'memberJoined', record)
    return
  }
  take(known, member)
  // Who is in the table from the beginning was told of then.
  if (known.status === 'alive') return
  if (known.status === 'failed' && state.nowMs - known.goneMs < state.config.flapMs)
    count(state, 'serf.member.flap')
  known.status = 'alive'
  known.prune = false
  count(state, 'serf.member.join')
  tellOf(state, 'memberJoined', known)
}

export function onUpdated(state: SerfState, member: SwimMember): void {
  const known = state.members.get(member.name)
  if (known === undefined || !take(known, member)) return
  count(state, 'serf.member.update')
  tellOf(state, 'memberUpdated', known)
}

export function onFailed(state: SerfState, { name }: SwimMember): void {
  const known = state.members.get(name)
  if (known?.status === 'leaving') {
    becomeLeft(state, known)
    // The core took it for a failure, and would go on looking for it.
    swim(state, { kind: 'forceLeave', node: name, forget: known.prune })
  } else if (known?.status === 'alive') {
    known.status = 'failed'
    known.goneMs = state.nowMs
    count(state, 'serf.member.failed')
    tellOf(state, 'memberFailed', known)
  }
}

export function onLeft(state: SerfState, { name }: SwimMember): void {
  const known = state.members.get(name)
  if (known === undefined || known.status === 'left') return
  if (known.status !== 'leaving') {
    // Nobody told of its leave, which is later than the last word about it.
    known.statusTime += 1
    state.memberClock.witness(known.statusTime)
  }
  becomeLeft(state, known)
  if (known.prune) swim(state, { kind: 'forceLeave', node: name, forget: true })
}

export function onReaped(state: SerfState, { name }: SwimMember): void {
  const known = state.members.get(name)
  if (known === undefined || known === state.members.own) return
  state.members.delete(name)
  state.vivaldi.forget(name)
  state.coordinates.delete(name)
  tellOf(state, 'memberReaped', known)
}

export function becomeLeft(state: SerfState, known: MemberRecord): void {
  known.status = 'left'
  known.goneMs = state.nowMs
  count(state, 'serf.member.left')
  tellOf(state, 'memberLeft', known)
}

/** A name that two claim. It stays with whoever had it. */
export function onConflict(state: SerfState, { name }: SwimMember, claim: Address): void {
  const known = state.members.get(name)
  if (known !== undefined) tell(state, { kind: 'nameConflict', member: asMember(known), claim })
}

/** True where there was something to take. */
function take(known: MemberRecord, { address, meta, versions }: SwimMember): boolean {
  const tags = tagsIn(meta)
  const isSame =
    known.address.host === address.host &&
    known.address.port === address.port &&
    sameTags(known.tags, tags) &&
    sameNumbers(known.versions.protocol, versions.protocol) &&
    sameNumbers(known.versions.delegate, versions.delegate)
  known.address = address
  known.tags = tags
  known.versions = versions
  return !isSame
}

function sameTags(a: MemberRecord['tags'], b: MemberRecord['tags']): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.every((number, at) => number === b[at])
}
