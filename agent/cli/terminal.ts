import { runCommand } from './run.ts'
import { commands, groups } from './table.ts'

/** Runs what was typed, with this process's terminal, environment and signals; resolves with the exit code. */
export async function runFromTerminal(host: NodeJS.Process): Promise<number> {
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  host.once('SIGINT', interrupt)
  host.once('SIGTERM', interrupt)
  // Whoever reads us may go away early, as `head` does; what is left unsaid then is nobody's loss.
  host.stdout.on('error', () => undefined)
  host.stderr.on('error', () => undefined)
  try {
    return await runCommand(
      host.argv.slice(2),
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
