import { describeError, PraetorError } from '../../model/errors.ts'
import { describeSystemError } from '../../model/system-error.ts'

/** What the disk would not do, with which file, and why: all that an operator needs, in one line. */
export class DiskFault extends PraetorError {
  /** The system's own name of the error, such as `EIO`. */
  readonly code: string | undefined

  /** `deed` is what was to be done, up to the path: `cannot sync PATH: i/o error (EIO)`. */
  constructor(deed: string, path: string, cause: unknown) {
    super('failed', `cannot ${deed} ${path}: ${describeSystemError(cause)}`, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }

  /** What to do about it, as an order that goes on with a comma or a full stop. */
  get remedy(): string {
    return remedies[this.code ?? ''] ?? "See to the disk (the kernel's log says more)"
  }
}

const makeRoom = 'Make room on the disk'
const permit = "Let the agent's user read and write there"

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: makeRoom,
  EDQUOT: makeRoom,
  EACCES: permit,
  EPERM: permit,
  EROFS: "Make the file system writable (the kernel's log says why it is not)",
}

/** What went wrong, and what an operator can do about it if it was the disk. */
export function describeFault(thrown: unknown): string {
  return thrown instanceof DiskFault ? `${thrown.message}. ${thrown.remedy}` : describeError(thrown)
}

/** A disk that is full is no broken disk: the one error of writing that may be waited out, while preparing room. */
export function isDiskFull(thrown: unknown): boolean {
  const code = (thrown as { readonly code?: unknown } | undefined)?.code
  return code === 'ENOSPC' || code === 'EDQUOT'
}
