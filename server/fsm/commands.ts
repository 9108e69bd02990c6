import { kvCommands } from './kv.ts'

/**
 * Every replicated command: ONE row each. The number is its first byte in the log and in every log there ever was, so numbers are
 * never reused or changed. `apply` must be deterministic: no clock, no chance, no locale; the leader has stamped both into the args.
 */
export const commands = { ...kvCommands } as const
