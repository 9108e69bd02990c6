import { constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'

import { quote } from '../../server/filter/literal.ts'
import { http } from '../../server/runtime/node-http.ts'
import { CheckFault, faultText, networkTimeoutMs } from './kind.ts'
import type { PeriodicKind } from './kind.ts'
import { openSession, SessionFault } from './session.ts'

/** A health answer is two bytes; a server that sends more than this is none. */
const answerMaxBytes = 64 * 1024

/**
 * Passing when `grpc.health.v1.Health/Check` says SERVING (the gRPC health checking protocol), of the server or, in
 * `host:port/service`, of one service.
 */
export const grpcCheck: PeriodicKind = {
  name: 'grpc',
  timeoutMs: networkTimeoutMs,
  accepts: ({ GRPC }) => GRPC !== '',
  async run({ GRPC, GRPCUseTLS, TLSSkipVerify }, { timeoutMs, authorities, signal }) {
    const slash = GRPC.indexOf('/')
    const address = slash === -1 ? GRPC : GRPC.slice(0, slash)
    const service = slash === -1 ? '' : GRPC.slice(slash + 1)
    try {
      const tls = { tls: GRPCUseTLS, skipVerify: TLSSkipVerify, authorities, signal }
      const session = await openSession(address, tls).catch((error: unknown) => {
        throw signal.aborted ? late() : unreachable(error)
      })
      const serving = await isServing(session, { address, service, timeoutMs, signal }).finally(
        () => session.destroy(),
      )
      return serving
        ? { status: 'passing', output: `gRPC check ${GRPC}: success` }
        : { status: 'critical', output: "gRPC application didn't report service healthy" }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}

interface Question {
  readonly address: string
  readonly service: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

async function isServing(session: ClientHttp2Session, question: Question): Promise<boolean> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    ':authority': question.address,
    'content-type': 'application/grpc',
    'user-agent': 'praetor',
    'grpc-timeout': `${Math.min(99_999_999, Math.ceil(question.timeoutMs))}m`,
    te: 'trailers',
  })
  stream.end(healthRequest(question.service))
  const { headers, trailers, body } = await answerOf(session, stream, question.signal)
  const fault = findHttpFault(headers)
  if (fault !== undefined) throw fault
  const { 'grpc-status': status, 'grpc-message': message } = { ...headers, ...trailers }
  if (status !== '0') throw rpcError(codes[Number(status)] ?? 'Unknown', unescape(message))
  return servingStatus(body) === 1
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
}

function answerOf(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders | undefined
    let trailers: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    let sizeBytes = 0
    const onAbort = (): void => settle(() => reject(late()))
    const settle = (give: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      give()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    stream.on('response', (given) => {
      headers = given
    })
    stream.on('trailers', (given) => {
      trailers = given
    })
    stream.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > answerMaxBytes)
        settle(() => reject(rpcError('ResourceExhausted', 'received message larger than max')))
      else chunks.push(chunk)
    })
    // Told by the stream's end below.
    stream.on('error', () => undefined)
    stream.on('close', () => {
      const code = stream.rstCode
      if (headers !== undefined && code === constants.NGHTTP2_NO_ERROR) {
        const answer = { headers, trailers, body: Buffer.concat(chunks) }
        settle(() => resolve(answer))
      } else if (session.destroyed || session.closed)
        settle(() => reject(rpcError('Unavailable', 'connection closed')))
      else settle(() => reject(reset(code)))
    })
    session.once('close', () => settle(() => reject(rpcError('Unavailable', 'connection closed'))))
    if (signal.aborted) onAbort()
  })
}

/** Five bytes before the message: not packed, and its length; then field 1, the service's name. */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const length: number[] = []
  for (let left = name.length; ; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    if (left <= 0x7f) break
  }
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...length]), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Field 1 of the answer, 0 where it has none. */
function servingStatus(body: Buffer): number {
  return body.length >= 7 && body[0] === 0 && body[5] === 0x08 ? (body[6] ?? 0) : 0
}

function findHttpFault(headers: IncomingHttpHeaders): CheckFault | undefined {
  const status = Number(headers[':status'])
  const type = headers['content-type']
  const isGrpc = type !== undefined && /^application\/grpc([+;]|$)/.test(type)
  if (status === 200 && isGrpc) return undefined
  const what = isGrpc
    ? ''
    : `; transport: ${type === undefined ? 'missing content-type field' : `received the unexpected content-type ${quote(type)}`}`
  return rpcError(
    httpCodes[status] ?? 'Unknown',
    `${http.STATUS_CODES[status] ?? ''}: HTTP status code ${status}${what}`.replace(
      "I'm a Teapot",
      "I'm a teapot",
    ),
  )
}

function reset(code: number | undefined): CheckFault {
  const [name, status] = resets[code ?? 2] ?? ['INTERNAL_ERROR', 'Internal']
  return rpcError(status, `stream terminated by RST_STREAM with error code: ${name}`)
}

function unreachable(error: unknown): CheckFault {
  const isHandshake = error instanceof SessionFault && error.stage === 'handshake'
  const what = isHandshake ? 'authentication handshake failed:' : 'Error while dialing'
  const words = quote(`transport: ${what} ${faultText(error)}`)
  return rpcError('Unavailable', `connection error: desc = ${words}`)
}

function late(): CheckFault {
  return rpcError('DeadlineExceeded', 'context deadline exceeded')
}

function rpcError(code: string, description: string): CheckFault {
  return new CheckFault(`rpc error: code = ${code} desc = ${description}`)
}

/** `grpc-message` is percent-encoded; what is not well encoded stands for itself. */
function unescape(message: unknown): string {
  if (typeof message !== 'string') return ''
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

/** In the order of their numbers. */
const codes = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

/** What an answer by HTTP alone means (gRPC's http-grpc-status-mapping). */
const httpCodes: Readonly<Record<number, string>> = {
  400: 'Internal',
  401: 'Unauthenticated',
  403: 'PermissionDenied',
  404: 'Unimplemented',
  429: 'Unavailable',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Unavailable',
}

/** HTTP/2's error codes (RFC 9113 §7) in the order of their numbers, and gRPC's for each. */
const resets: readonly (readonly [name: string, code: string])[] = [
  ['NO_ERROR', 'Internal'],
  ['PROTOCOL_ERROR', 'Internal'],
  ['INTERNAL_ERROR', 'Internal'],
  ['FLOW_CONTROL_ERROR', 'ResourceExhausted'],
  ['SETTINGS_TIMEOUT', 'Internal'],
  ['STREAM_CLOSED', 'Internal'],
  ['FRAME_SIZE_ERROR', 'Internal'],
  ['REFUSED_STREAM', 'Unavailable'],
  ['CANCEL', 'Canceled'],
  ['COMPRESSION_ERROR', 'Internal'],
  ['CONNECT_ERROR', 'Internal'],
  ['ENHANCE_YOUR_CALM', 'ResourceExhausted'],
  ['INADEQUATE_SECURITY', 'PermissionDenied'],
  ['HTTP_1_1_REQUIRED', 'Internal'],
]
