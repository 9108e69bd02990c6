import { connect } from 'node:net'

import type { Test } from 'tap'

import { createApi, type Api } from '../../api/http.ts'
import type { ApiPorts, ApiSettings } from '../../api/ports.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics, type Metrics } from '../../server/runtime/metrics.ts'
import { fakePorts, fakeSettings } from './fake-agent.ts'

export interface Answer {
  readonly status: number
  readonly reason: string
  /** Names as they were spelled on the wire, without `Date`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly bytes: Buffer
}

export interface Served {
  readonly api: Api
  readonly port: number
  readonly ask: (method: string, target: string, options?: AskOptions) => Promise<Answer>
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** The connection is left open, which makes it a plain request where it can be one; a second one behind it closes it. */
  readonly stays?: boolean
}

/** An API on a free port of the loopback, closed when the test ends. */
export async function serve(
  t: Test,
  ports: Partial<ApiPorts> = {},
  settings: Partial<ApiSettings> = {},
  metrics: Metrics = noMetrics,
): Promise<Served> {
  const api = await createApi(
    { ...fakePorts({}), ...ports },
    { ...fakeSettings, ...settings },
    { log: noLog, metrics, clock: systemClock },
  )
  t.teardown(() => api.close())
  const { address } = await api.listen({ host: '127.0.0.1', port: 0 })
  const port = 'port' in address ? address.port : 0
  return { api, port, ask: (method, target, options) => ask(port, method, target, options) }
}

/** One request on a connection of its own, sent as it is written: no client tidies the path or the headers. */
export async function ask(
  port: number,
  method: string,
  target: string,
  options: AskOptions = {},
): Promise<Answer> {
  const body = Buffer.from(options.body ?? '')
  const closing = { Connection: 'close' }
  const headers: Record<string, string> = {
    Host: 'test',
    ...(options.stays === true ? {} : closing),
    ...options.headers,
  }
  if (body.length > 0) headers['Content-Length'] = String(body.length)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
  if (options.stays !== true) return parse(await exchange(port, Buffer.concat([head, body])))
  const goodbye = Buffer.from('GET /goodbye HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n')
  return parse(firstOf(await exchange(port, Buffer.concat([head, body, goodbye]))))
}

/** The first of two answers. */
function firstOf(bytes: Buffer): Buffer {
  const second = bytes.lastIndexOf('HTTP/1.1 404 Not Found\r\n')
  return second <= 0 ? bytes : bytes.subarray(0, second)
}

/** Sends bytes and collects what comes until the other side closes. */
export function exchange(port: number, bytes: Uint8Array | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // A server that closes while a body is still being sent may reset the connection after its answer.
    socket.on('error', (error) =>
      chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error),
    )
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

export function parse(bytes: Buffer): Answer {
  const at = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, at).toString('latin1').split('\r\n')
  const [, status = '', reason = ''] = /^HTTP\/1\.[01] (\d+) ?(.*)$/.exec(first) ?? []
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(': ')
    if (!line.startsWith('Date:')) headers[line.slice(0, colon)] = line.slice(colon + 2)
  }
  const rest = bytes.subarray(at + 4)
  const content = headers['Transfer-Encoding'] === 'chunked' ? unchunk(rest) : rest
  return { status: Number(status), reason, headers, body: content.toString(), bytes: content }
}

function unchunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (end < 0 || !(size > 0)) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
