/** The part of pino's logger that rooms use: fields first, then a sentence. The agent makes the one instance. */
export interface Log {
  trace(fields: object, message?: string): void
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
  child(bindings: { readonly part: string }): Log
}

export const noLog: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => noLog,
}
