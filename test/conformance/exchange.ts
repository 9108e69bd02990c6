import { Agent, request as httpRequest } from 'node:http'

/** An answer as it came: nothing unpacked, nothing followed, header names as they were spelled. */
export interface Answer {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
  readonly elapsedMs: number
}

export interface Sent {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

const timeoutMs = 20_000
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** Sends the path exactly as given. Rejects where the connection fails. */
export function exchange(
  port: number,
  { method, path, headers = {}, body }: Sent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const isMeasured = body !== undefined && !('Transfer-Encoding' in headers)
    const length = isMeasured ? { 'Content-Length': Buffer.byteLength(body) } : {}
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent,
        headers: { ...length, ...headers },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: pairs(response.rawHeaders),
            body: Buffer.concat(chunks),
            elapsedMs: performance.now() - began,
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : []))
}
