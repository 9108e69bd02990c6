/** Who waits for a value, in another's hands. */
export interface Waiter<Value> {
  readonly resolve: (value: Value) => void
  readonly reject: (error: Error) => void
}

/** A promise whose waiting ends with the signal. Without one it costs no more than a promise. */
export function promised<Value>(
  signal: AbortSignal | undefined,
  begin: (waiter: Waiter<Value>) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) return begin({ resolve, reject })
    if (signal.aborted) return reject(signal.reason as Error)
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', abort)
    begin({
      resolve(value) {
        settled()
        resolve(value)
      },
      reject(error) {
        settled()
        reject(error)
      },
    })
  })
}
