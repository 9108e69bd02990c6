/** What metadata of nodes and services may be: Consul's limits, in its words. */
const pairsMax = 64
const keyLengthMax = 128
const valueLengthMax = 512

/** What is wrong with the metadata; `undefined` when nothing is. */
export function findMetadataFault(metadata: Readonly<Record<string, string>>): string | undefined {
  const pairs = Object.entries(metadata)
  if (pairs.length > pairsMax)
    return `Node metadata cannot contain more than ${pairsMax} key/value pairs`
  for (const [key, value] of pairs) {
    const fault = findPairFault(key, value)
    if (fault !== undefined) return `Couldn't load metadata pair ('${key}', '${value}'): ${fault}`
  }
  return undefined
}

function findPairFault(key: string, value: string): string | undefined {
  if (key === '') return 'Key cannot be blank'
  if (!/^[a-zA-Z0-9_-]+$/.test(key)) return 'Key contains invalid characters'
  if (key.length > keyLengthMax) return `Key is too long (limit: ${keyLengthMax} characters)`
  if (key.startsWith('consul-')) return "Key prefix 'consul-' is reserved for internal use"
  return value.length > valueLengthMax
    ? `Value is too long (limit: ${valueLengthMax} characters)`
    : undefined
}
