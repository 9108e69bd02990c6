/** Whoever started this process and follows its life, or nobody. */
export interface Follower {
  waiting(status: string): void
  ready(status: string): void
  /** Carries out a reload with the follower knowing; passes on what it fails with. */
  reloading(reload: () => Promise<void>): Promise<void>
  stopping(status: string): void
  /** Resolves once it knows all that was said. */
  close(): Promise<void>
}

export const nobody: Follower = {
  waiting: () => undefined,
  ready: () => undefined,
  reloading: (reload) => reload(),
  stopping: () => undefined,
  close: () => Promise.resolve(),
}
