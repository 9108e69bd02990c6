/** What is known of a request once its head was read. Names of headers are in lower case. */
export interface PlainHead {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Where its body begins and ends in the bytes it came in. */
  readonly bodyStart: number
  readonly bodyEnd: number
}

/** The header lines of the request before, which a client that goes on asking repeats to the byte. */
export interface Repeated {
  lines: string
  headers: Readonly<Record<string, string>>
  bodyBytes: number
}

/**
 * Reads a request that is all there and plain: HTTP/1.1, one of four methods, a path of the API, every line to the letter of
 * RFC 9112, a body of announced length or none, nothing that changes what becomes of the connection. Undefined for anything
 * else, right or wrong: node:http judges it. So nothing is accepted here that would be read differently there.
 */
export function readPlain(bytes: Buffer, repeated: Repeated): PlainHead | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0 || end > headBytesMax) return undefined
  const head = bytes.toString('latin1', 0, end)
  const lineEnd = head.indexOf('\r\n')
  if (lineEnd < 0) return undefined
  const methodEnd = head.indexOf(' ')
  const method = head.slice(0, Math.max(0, methodEnd))
  const urlEnd = lineEnd - version.length
  if (!methods.has(method) || !head.startsWith(version, urlEnd)) return undefined
  const url = head.slice(methodEnd + 1, urlEnd)
  if (!pathOfTheApi.test(url)) return undefined
  const lines = head.slice(lineEnd)
  if (lines !== repeated.lines && !readLines(lines, repeated)) return undefined
  const { bodyBytes, headers } = repeated
  const bodyStart = end + headEnd.length
  const bodyEnd = bodyStart + bodyBytes
  return bodyEnd > bytes.length ? undefined : { method, url, headers, bodyStart, bodyEnd }
}

/** Each line begins with the line break before it. False, with nothing changed, where one is not plain. */
function readLines(lines: string, repeated: Repeated): boolean {
  const headers: Record<string, string> = {}
  const seen = new Set<string>()
  for (const line of lines.slice(2).split('\r\n')) {
    const match = plainLine.exec(line)
    if (match === null) return false
    const [, spelled = '', value = ''] = match
    const name = spelled.toLowerCase()
    if (seen.has(name) || notPlain.has(name)) return false
    seen.add(name)
    headers[name] = value
  }
  const { connection, host, 'content-length': length = '0' } = headers
  if (host === undefined || !/^\d{1,9}$/.test(length)) return false
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return false
  Object.assign(repeated, { lines, headers, bodyBytes: Number(length) })
  return true
}

const headEnd = Buffer.from('\r\n\r\n')
/** Longer heads are rare; that they are bounded is node:http's affair. */
const headBytesMax = 16_384
const methods = new Set(['GET', 'PUT', 'POST', 'DELETE'])
const version = ' HTTP/1.1'
/** All visible ASCII but the mark of a fragment. */
const pathOfTheApi = /^\/v1\/[!"$-~]*$/
/** A token, a colon, and visible text with single spaces and tabs inside but not around it (RFC 9110 §5.5, §5.6.2). */
const plainLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([!-~](?:[ -~\t]*[!-~])?|)[ \t]*$/
/** They change how the rest is to be read, or what comes after. `__proto__` is no name for a property. */
const notPlain = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'te',
  'proxy-connection',
  'keep-alive',
  'set-cookie',
  '__proto__',
])
