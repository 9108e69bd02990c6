/** Those of an object's fields that say something, in this order: what Go's `omitempty` leaves in JSON. */
export function saying(
  given: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields = (given ?? {}) as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    names.filter((name) => !isEmpty(fields[name])).map((name) => [name, fields[name]]),
  )
}

/** What Go leaves out of JSON by `omitempty`. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (value === '' || value === 0 || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
