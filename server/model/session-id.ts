import { PraetorError } from './errors.ts'
import { invalidHexByte } from './node-id.ts'

/**
 * The texts with which Consul refuses what can't be a session's id. They come from the index that it looks the id up in, and
 * clients match on the first of them.
 */
export function checkSessionId(id: string): void {
  const mistake = mistakeIn(id)
  if (mistake !== undefined)
    throw new PraetorError('failed', `failed session lookup: index error: ${mistake}`)
}

function mistakeIn(id: string): string | undefined {
  if (Buffer.byteLength(id) !== 36) return 'UUID must be 36 characters'
  const digits = id.replaceAll('-', '')
  const hyphens = id.length - digits.length
  if (hyphens > 4) return `UUID should have maximum of 4 "-"; got ${hyphens}`
  if (Buffer.byteLength(digits) % 2 !== 0) return 'Input (without hyphens) must be even length'
  const wrong = /[^0-9a-f]/i.exec(digits)?.[0]
  return wrong === undefined ? undefined : `Invalid UUID: ${invalidHexByte(wrong)}`
}
