/** Heads of a tar's members (POSIX.1-1988, ustar). A member is its head, its content and padding; two empty blocks end the file. */
export interface TarMember {
  /** A directory's ends with a slash. Up to 100 bytes, or 155 more before a slash. */
  readonly name: string
  readonly sizeBytes: number
  readonly mode: number
  /** Since 1970; 0 where it doesn't matter. */
  readonly seconds?: number
}

const blockBytes = 512
const nameBytesMax = 100

export function tarHeader({ name, sizeBytes, mode, seconds = 0 }: TarMember): Uint8Array {
  const bytes = Buffer.alloc(blockBytes)
  const at = Buffer.byteLength(name) > nameBytesMax ? name.lastIndexOf('/', name.length - 2) : -1
  bytes.write(name.slice(at + 1), 0)
  bytes.write(octal(mode, 7), 100, 'latin1')
  bytes.write(octal(0, 7), 108, 'latin1')
  bytes.write(octal(0, 7), 116, 'latin1')
  bytes.write(octal(sizeBytes, 11), 124, 'latin1')
  bytes.write(octal(seconds, 11), 136, 'latin1')
  bytes.write('        ', 148, 'latin1')
  bytes.write(name.endsWith('/') ? '5' : '0', 156, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  if (at >= 0) bytes.write(name.slice(0, at), 345)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${octal(sum, 6)} `, 148, 'latin1')
  return bytes
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`
}

/** What follows a content of that size. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

export function tarEnd(): Uint8Array {
  return Buffer.alloc(2 * blockBytes)
}
