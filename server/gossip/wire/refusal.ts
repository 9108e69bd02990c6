/**
 * Why bytes from outside were not taken: every way in which a datagram or a stream can be wrong, so that it can be counted by
 * its reason and logged in words. Nothing else is ever thrown over bytes, whatever they are.
 */
export const refusals = {
  empty: 'no type byte',
  unknownType: 'a message of unknown type',
  misplacedType: 'a message of a type that has no business there',
  nesting: 'messages wrapped too often in one another',

  labelTruncated: 'a label that is cut short',
  labelEmpty: 'a label without letters',
  labelMismatch: "another pool's label, or none",

  encryptionVersion: 'encryption of an unknown version',
  ciphertextTruncated: 'too short for anything encrypted',
  noKeyFits: 'no installed key could decrypt it',
  padding: 'padding that is none',
  notEncrypted: 'plain, where encryption is demanded',
  notDecryptable: 'encrypted, and encryption is not configured',

  checksum: 'a wrong checksum',
  compoundTruncated: 'a compound that ends before all of its parts',
  compressionAlgorithm: 'compression of an unknown kind',
  compressionMalformed: 'bytes that no LZW writer writes',
  compressionTruncated: 'compressed bytes without an end',
  decompressedTooLarge: 'larger when decompressed than is taken',

  truncated: 'a value that is cut short',
  malformed: 'a byte that begins no value',
  wrongType: 'a value of another type than its field has',
  outOfRange: 'a number that its field does not hold',
  notText: 'a name that is not UTF-8',
  tooManyFields: 'more fields than a message has',
  tooManyItems: 'a longer list than is taken',

  nameless: 'a member without a name',
  address: 'an address of neither 4 nor 16 bytes',
  state: 'a state that no member has',
  metaTooLarge: 'more than 512 bytes of meta',

  tooLarge: 'larger than is taken',
  tooManyMembers: 'more members than are taken',

  coordinateVersion: 'a coordinate of an unknown version',
} as const

export type RefusalReason = keyof typeof refusals

/** What decoding throws; the shells that call it turn it into a count and a line of log. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(refusals[reason])
    this.reason = reason
  }
}
