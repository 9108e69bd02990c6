import { createHash } from 'node:crypto'

/** A short name for a value, the same for the same value: what a client of the agent blocks on instead of an index. */
export function contentHash(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, 16)
}
