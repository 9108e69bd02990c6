import { nodeIds, type Peer } from './peer.ts'

/**
 * What differs between two right answers and means nothing: ids, times, ports, hashes. Indexes become their places in the order
 * of all indexes in the answer, so that what is compared is which are equal and which is greater.
 */
export function mask(text: string, peer: Peer, indexes: readonly string[] = []): string {
  const ranked = rankIndexes(text, indexes)
  const named = [...peer.remembered].reduce(
    (masked, [name, value]) =>
      typeof value === 'string' && value.length >= 16
        ? masked.replaceAll(value, `<${name}>`)
        : masked,
    ranked,
  )
  const unported = portNames(peer).reduce(
    (masked, [name, port]) => masked.replace(RegExp(`\\b${port}\\b`, 'g'), `<${name} port>`),
    named,
  )
  return patterns.reduce((masked, [pattern, label]) => masked.replace(pattern, label), unported)
}

function portNames({ ports, behind }: Peer): [string, number][] {
  const itsServers = Object.entries(behind?.ports ?? {})
  return [
    ...Object.entries(ports),
    ...itsServers.map(([name, port]): [string, number] => [`its server's ${name}`, port]),
  ]
}

const patterns: readonly (readonly [RegExp, string])[] = [
  [
    RegExp(`\\b(?!${nodeIds.join('|')})[\\da-f]{8}(-[\\da-f]{4}){3}-[\\da-f]{12}\\b`, 'g'),
    '<uuid>',
  ],
  [/\b(?!0001-)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d| \+0000 UTC)/g, '<time>'],
  [/("ContentHash": ?")[\da-f]+"/g, '$1<hash>"'],
  [/^(X-Consul-Contenthash: )[\da-f]+$/gm, '$1<hash>'],
  [/(current modify index )\d+/g, '$1<index>'],
  [/(127\.0\.0\.1:)\d{5}(?=->)/g, '$1<client port>'],
]

const indexField = /("(?:Create|Modify)Index": ?)(\d+)/g
const header = /^(X-Consul-Index: )(\d+)$/gm

/** `first` to `last` as #1, #2, …; zero stays zero, since it means that there is none. */
function rankIndexes(text: string, others: readonly string[]): string {
  const found = [...text.matchAll(indexField), ...text.matchAll(header)].map(
    ([, , digits = '']) => digits,
  )
  const distinct = new Set([...found, ...others].filter((digits) => digits !== '0'))
  const order = [...distinct]
    .map(BigInt)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(String)
  const rank = (whole: string, before: string, digits: string): string =>
    digits === '0' ? whole : `${before}#${order.indexOf(digits) + 1}`
  return text.replace(indexField, rank).replace(header, rank)
}

/** The same JSON with types for values and each kind of array member once. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    return [...new Set(value.map((member) => JSON.stringify(shapeOf(member))))].map(
      (text) => JSON.parse(text) as unknown,
    )
  }
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}

/** The same JSON with the members of every list in the order of their texts. */
export function sortLists(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return value.map(sortLists).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, sortLists(member)]),
  )
}
