import { describeError, PraetorError } from '../../server/model/errors.ts'

/** The system's errors in the words of its C library, which are Go's too. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EEXIST: 'file exists',
  EHOSTUNREACH: 'no route to host',
  EISDIR: 'is a directory',
  EMFILE: 'too many open files',
  ENETUNREACH: 'network is unreachable',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'connection timed out',
}

export function describeReason(error: unknown): string {
  return reasons[codeOf(error) ?? ''] ?? describeError(error)
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

/** What went wrong with a file: `open /x: no such file or directory`. */
export function fileFault(error: unknown, path: string): PraetorError {
  const { syscall = 'open' } = error as NodeJS.ErrnoException

  return new PraetorError('failed', `${syscall} ${path}: ${describeReason(error)}`)
}

/** The outcome of the work; what it fails with is told after `what` and a colon. */
export async function telling<Result>(what: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    throw new PraetorError(error.kind, `${what}: ${error.message}`, { cause: error })
  }
}
