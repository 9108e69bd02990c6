import { homedir } from 'node:os'

import { setUpCompletion, setupFlags } from './completion-setup.ts'
import { complete } from './completion.ts'
import { runCommand } from './run.ts'
import { commands, groups } from './table.ts'

/** Runs what was typed, with this process's terminal, environment and signals; resolves with the exit code. */
export async function runFromTerminal(host: NodeJS.Process): Promise<number> {
  const words = host.argv.slice(2)
  const { COMP_LINE: line = '', COMP_POINT: point } = host.env
  if (line !== '') {
    const place = point === undefined ? undefined : Number(point)
    const candidates = await complete({ line, point: place }, { commands, groups })
    host.stdout.write(candidates.map((candidate) => `${candidate}\n`).join(''))
    return 0
  }
  if (setupFlags.some((flag) => words[0] === flag))
    return setUpCompletion(
      words,
      { home: homedir(), program: programOf(host) },
      { err: (text) => void host.stderr.write(text) },
    )
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  host.once('SIGINT', interrupt)
  host.once('SIGTERM', interrupt)
  // Whoever reads us may go away early, as `head` does; what is left unsaid then is nobody's loss.
  host.stdout.on('error', () => undefined)
  host.stderr.on('error', () => undefined)
  try {
    return await runCommand(
      words,
      { commands, groups },
      {
        out: (text) => void host.stdout.write(text),
        err: (text) => void host.stderr.write(text),
        stdin: host.stdin,
        env: host.env,
        interrupted: interruption.signal,
        ownStreams: true,
      },
    )
  } finally {
    host.off('SIGINT', interrupt)
    host.off('SIGTERM', interrupt)
  }
}

/** How a shell runs this program again: a single executable is itself, else Node is given its file. */
function programOf({ execPath, argv: [, file = execPath] }: NodeJS.Process): string {
  const words = file === execPath ? [execPath] : [execPath, file]
  return words.map((word) => word.replace(/[^\w./-]/g, '\\$&')).join(' ')
}
