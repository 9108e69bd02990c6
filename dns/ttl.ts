/**
 * How long an answer about a service may be cached: what is configured for exactly its name, else for the longest prefix that is
 * (`"web*"`), else for all (`"*"`), else not at all.
 */
export function serviceTtlSeconds(
  service: string,
  configured: Readonly<Record<string, number>>,
): number {
  if (Object.hasOwn(configured, service)) return configured[service] ?? 0
  let longest = -1
  let ttlSeconds = 0
  for (const [pattern, value] of Object.entries(configured)) {
    const prefixLength = pattern.length - 1
    if (
      pattern.endsWith('*') &&
      prefixLength > longest &&
      service.startsWith(pattern.slice(0, -1))
    ) {
      longest = prefixLength
      ttlSeconds = value
    }
  }
  return ttlSeconds
}
