import { openSync, writeSync } from 'node:fs'

import { describeError, PraetorError } from '../server/model/errors.ts'
import type { TraceEvent } from '../server/raft/trace.ts'

/**
 * What this server's consensus did, turn by turn, a line of JSON each, for those who check servers against the rules of Raft
 * (`npm run sim:trace`). Nothing where no file is named. Throws a PraetorError where it can't be written.
 *
 * A line is the file's before what it tells of leaves this process, so that no server is ever heard to say what its file does not
 * know of: what ends the process takes no line with it but the one that is being written. Another life goes on in the same file.
 */
export function raftTrace(path: string | undefined): { trace?: (event: TraceEvent) => void } {
  if (path === undefined || path === '') return {}
  const file = open(path)
  return {
    trace(event) {
      // Its beginning ends a line that an earlier life did not.
      const before = event.kind === 'start' ? '\n' : ''
      writeSync(file, `${before}${JSON.stringify(event)}\n`)
    },
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a', 0o640)
  } catch (error) {
    throw new PraetorError('failed', `Failed to open the trace of Raft: ${describeError(error)}`)
  }
}
