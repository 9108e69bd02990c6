import { getSystemErrorMessage } from 'node:util'

import { describeError } from './errors.ts'

/** What the operating system said, in words and by its name: `no space left on device (ENOSPC)`. */
export function describeSystemError(thrown: unknown): string {
  const { code, errno } = thrown as NodeJS.ErrnoException
  if (code === undefined || errno === undefined) return describeError(thrown)
  return `${getSystemErrorMessage(errno)} (${code})`
}
