import type { Logging, LogLevel, LogSink } from './logging.ts'

/** A client that reads more slowly than this many lines come in loses the newest, as with Consul. */
const linesMax = 512

/** The log from now on, for one reader, until the signal fires. */
export async function* streamLog(
  logging: Logging,
  {
    level,
    json,
    signal,
  }: { readonly level: LogLevel; readonly json: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const lines: string[] = []
  let wake: (() => void) | undefined
  const sink: LogSink = {
    level,
    json,
    write(line) {
      if (lines.length < linesMax) lines.push(line)
      wake?.()
    },
  }
  const stop = (): void => wake?.()
  signal.addEventListener('abort', stop, { once: true })
  logging.add(sink)
  try {
    while (!signal.aborted) {
      const line = lines.shift()
      if (line !== undefined) {
        yield `${line}\n`
        continue
      }
      await new Promise<void>((resolve) => (wake = resolve))
      wake = undefined
    }
  } finally {
    logging.remove(sink)
    signal.removeEventListener('abort', stop)
  }
}
