import { memberStatus } from '../../../server/model/member.ts'
import type { Member } from '../../../server/model/member.ts'

/** A member as another one lists it. */
export interface Seen {
  readonly status: string
  readonly address: string
  readonly tags: Readonly<Record<string, string>>
}

/** Everybody whom a member lists, by name. */
export type View = Readonly<Record<string, Seen>>

/** A member that can be asked whom it lists. */
export interface Viewer {
  readonly name: string
  view(): View | Promise<View>
}

/** What one viewer after the other says; those who say the same are one. */
export async function views<Said>(
  viewers: readonly Viewer[],
  said: (view: View) => Said,
): Promise<Record<string, Said>> {
  const all = await Promise.all(
    viewers.map(async (viewer) => [viewer.name, said(await viewer.view())] as const),
  )
  return Object.fromEntries(all)
}

/** The statuses of those members; those that are not listed have none. */
export function statusesOf(names: readonly string[]): (view: View) => Record<string, string> {
  return (view) => Object.fromEntries(names.map((name) => [name, view[name]?.status ?? 'unknown']))
}

/** As Consul's agents list members, and ours. */
export function viewOf(members: readonly Member[]): View {
  const names = new Map<number, string>(Object.entries(memberStatus).map(([a, b]) => [b, a]))
  return Object.fromEntries(
    members.map(({ Name, Addr, Port, Tags, Status }) => [
      Name,
      { status: names.get(Status) ?? '', address: `${Addr}:${Port}`, tags: Tags },
    ]),
  )
}

/** The same of everyone. */
export function everyone<Said>(viewers: readonly Viewer[], said: Said): Record<string, Said> {
  return Object.fromEntries(viewers.map(({ name }) => [name, said]))
}
