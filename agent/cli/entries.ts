/** The entries of a map in the order of their names, as all of Consul's output has them. */
export function sortedEntries<Value>(
  map: Readonly<Record<string, Value>> | null,
): readonly (readonly [string, Value])[] {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
