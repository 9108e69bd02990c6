import { promisify } from 'node:util'
import { constants, crc32, gzip, gzipSync } from 'node:zlib'

/** Below this, compressing costs more than the bytes it could save: the body is stored as it is, in a gzip frame. */
const storedSizeMaxBytes = 1024
/** Above this, compressing would hold up every other request, so it is done off the main thread. */
const inlineSizeMaxBytes = 128 * 1024
const level = constants.Z_BEST_SPEED

const gzipAside = promisify(gzip)

/** Whether the client takes gzip by name with a weight above zero (RFC 9110 §12.5.3). Consul does not read `*`. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false
  if (acceptEncoding === 'gzip') return true
  for (const offer of acceptEncoding.split(',')) {
    const [coding = '', ...parameters] = offer.split(';').map((part) => part.trim().toLowerCase())
    if (coding !== 'gzip') continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    return weight === undefined || Number(weight.slice(2)) > 0
  }
  return false
}

/** The body as gzip: at once where it is small, otherwise as a promise. */
export function compress(body: string | Uint8Array): Buffer | Promise<Buffer> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  if (bytes.length <= storedSizeMaxBytes) return store(bytes)
  return bytes.length <= inlineSizeMaxBytes
    ? gzipSync(bytes, { level })
    : gzipAside(bytes, { level })
}

/** RFC 1952 around one stored block of RFC 1951 §3.2.4. */
function store(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(bytes.length + 23)
  frame.set(head)
  frame.writeUInt16LE(bytes.length, 11)
  frame.writeUInt16LE(~bytes.length & 0xffff, 13)
  frame.set(bytes, 15)
  frame.writeUInt32LE(crc32(bytes), bytes.length + 15)
  frame.writeUInt32LE(bytes.length, bytes.length + 19)
  return frame
}

/** Magic, deflate, no flags, no time, no extra, unknown system; then the mark of a last, stored block. */
const head = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1)
