export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** A path and a query as Go's client sends them. */
export function requestTarget(path: string, query: Query): string {
  const search = encodeQuery(query)
  return escapePath(path) + (search === '' ? '' : `?${search}`)
}

/** Go's `url.Values.Encode`: by name, and with `=` after a name that stands for itself. */
export function encodeQuery(query: Query): string {
  return Object.entries(query)
    .filter((entry): entry is [string, string | readonly string[]] => entry[1] !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one) => [name, one] as const),
    )
    .map((pair) => pair.map(escapeQuery).join('='))
    .join('&')
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, percent)
    .replaceAll('%20', '+')
}

/** What Go's `URL.EscapedPath` leaves as it is in a path. */
export function escapePath(path: string): string {
  return encodeURIComponent(path)
    .replace(/[!'()*]/g, percent)
    .replace(/%(24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent)
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
