import { Agent, request as httpRequest } from 'node:http'

/** What became of a request. */
export type Outcome =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly text: string
      readonly index: number
    }
  /** Certainly nothing was done: nobody was there, or the server said so. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Nobody knows whether it was done, or still will be. */
  | { readonly kind: 'unknown'; readonly why: string }

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Whatever the method, nothing is written. */
  readonly isRead?: boolean
  readonly timeoutMs?: number
}

const timeoutMs = 8_000

/**
 * Errors with which a server says that it did nothing. All others leave a write in doubt, above all `leadership lost while
 * committing log`.
 */
const harmless = /No cluster leader|node is not the leader|timed out enqueuing operation/

/** One client's connections: one to each server, as a real client keeps them. */
export class Requests implements Disposable {
  readonly #agents = new Map<number, Agent>()

  send(port: number, { method, path, body, ...ask }: Ask, signal: AbortSignal): Promise<Outcome> {
    const agent = this.#agents.get(port) ?? new Agent({ keepAlive: true, maxSockets: 1 })
    this.#agents.set(port, agent)
    return new Promise((resolve) => {
      const late = AbortSignal.timeout(ask.timeoutMs ?? timeoutMs)
      const request = httpRequest(
        {
          port,
          method,
          path: `/v1${path}`,
          host: '127.0.0.1',
          agent,
          signal: AbortSignal.any([signal, late]),
        },
        (response) => {
          const pieces: Buffer[] = []
          response.on('data', (piece: Buffer) => pieces.push(piece))
          response.on('error', (error) => resolve({ kind: 'unknown', why: error.message }))
          response.on('end', () => {
            if (!response.complete) return resolve({ kind: 'unknown', why: 'cut short' })
            // A development agent prints its JSON prettily, with a line's end.
            const text = Buffer.concat(pieces).toString().trimEnd()
            const status = response.statusCode ?? 0
            if (status === 429 || (status >= 500 && harmless.test(text)))
              return resolve({ kind: 'refused', why: text })
            if (status >= 500) return resolve({ kind: 'unknown', why: text })
            const index = Number(response.headers['x-consul-index'] ?? 0)
            resolve({ kind: 'answered', status, text, index })
          })
        },
      )
      request.on('error', (error: NodeJS.ErrnoException) =>
        resolve({
          kind: error.code === 'ECONNREFUSED' ? 'refused' : 'unknown',
          why: error.message,
        }),
      )
      request.end(body)
    })
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
  }
}
