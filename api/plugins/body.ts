import type { IncomingMessage } from 'node:http'

import { PraetorError } from '../../server/model/errors.ts'
import { PlainRequest } from '../plain/exchange.ts'

/** What a body may measure where Consul sets no limit of its own. */
export const bodySizeMaxBytes = 16 * 1024 * 1024

export interface BodyLimit {
  readonly sizeMaxBytes: number
  /** The error's text: from the size that was announced or, where none was, from what had come by then. */
  readonly describe: (sizeBytes: number, announced: boolean) => string
}

const generous: BodyLimit = {
  sizeMaxBytes: bodySizeMaxBytes,
  describe: (sizeBytes) =>
    `Request body(${sizeBytes} bytes) too large, max size: ${bodySizeMaxBytes} bytes.`,
}

/**
 * A request's whole body, whatever its content type says. Rejects with `too-large` as soon as it is known to be, without reading
 * on: the answer then closes the connection.
 */
export function readBody(
  raw: IncomingMessage | PlainRequest,
  limit: BodyLimit = generous,
): Promise<Buffer> {
  const announced = Number(raw.headers['content-length'] ?? 0)
  if (announced > limit.sizeMaxBytes)
    return Promise.reject(new PraetorError('too-large', limit.describe(announced, true)))
  if (raw instanceof PlainRequest) return Promise.resolve(raw.body)
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined
    let more: Buffer[] | undefined
    let sizeBytes = 0
    raw.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > limit.sizeMaxBytes) {
        raw.pause()
        reject(new PraetorError('too-large', limit.describe(sizeBytes, false)))
      } else if (!first) first = chunk
      else (more ??= []).push(chunk)
    })
    raw.on('end', () => {
      // The parser hands out views of the socket's read buffer, which is larger than what it holds: what is kept must be a copy.
      if (!more) resolve(first ? Buffer.from(first) : empty)
      else resolve(Buffer.concat([first ?? empty, ...more], sizeBytes))
    })
    // Also what a client that goes away in mid-sentence comes to.
    raw.on('error', reject)
  })
}

const empty = Buffer.alloc(0)
