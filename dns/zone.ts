import { labelsBelow } from './name.ts'
import type { DnsSettings } from './settings.ts'

/** Whom a name belongs to: to whoever has an address, to our domain (with the labels below it), or to somebody else. */
export type Zone =
  | { readonly kind: 'reverse' }
  | { readonly kind: 'domain'; readonly below: readonly string[] }
  | { readonly kind: 'foreign' }

export type ZoneOf = (labels: readonly string[]) => Zone

/** Sorts names, given as labels in lower case, by the domains in the settings; where two fit, the longer one counts. */
export function createZoneOf({ domain, altDomain }: DnsSettings): ZoneOf {
  const domains = [domain, altDomain]
    .filter((name) => name !== '')
    .map((name) => name.toLowerCase().split('.'))
    .toSorted((one, other) => other.length - one.length)
  return (labels) => {
    for (const name of domains) {
      const below = labelsBelow(labels, name)
      if (below !== undefined) return { kind: 'domain', below }
    }
    return { kind: labels.at(-1) === 'arpa' ? 'reverse' : 'foreign' }
  }
}
