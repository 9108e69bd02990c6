/** What went wrong with a program, by how it ended, in Go's words: `exit status 3`, `signal: killed`; or nothing. */
export function describeEnd(
  code: number | null | undefined,
  killedBy: NodeJS.Signals | null | undefined,
): string | undefined {
  if (killedBy !== null && killedBy !== undefined) return `signal: ${signals[killedBy] ?? killedBy}`
  return code === 0 ? undefined : `exit status ${code}`
}

/** As the C library calls them. */
const signals: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGABRT: 'aborted',
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGQUIT: 'quit',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
}
