/** What is wrong with a node's id, in the words of the UUID parser that Consul uses; undefined for a good one. */
export function nodeIdMistake(id: string): string | undefined {
  if (Buffer.byteLength(id) !== 36) return 'uuid string is wrong length'
  if (![8, 13, 18, 23].every((at) => id.charAt(at) === '-')) return 'uuid is improperly formatted'
  const wrong = /[^0-9a-f-]/i.exec(id)?.[0]
  return wrong === undefined ? undefined : invalidHexByte(wrong)
}

/** Go's `hex.InvalidByteError`. */
export function invalidHexByte(character: string): string {
  const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
  return `encoding/hex: invalid byte: U+${code} '${character}'`
}
