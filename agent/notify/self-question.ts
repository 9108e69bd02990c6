import { http } from '../../server/runtime/node-http.ts'
import type { ListenAddress } from '../config/runtime.ts'

/**
 * Whether the agent still answers on one of its own addresses: any answer will do, and so will a connection closed for there being
 * too many, since whoever is busy is alive. Silence is what counts: it lasts until the signal fires. Rejects where nobody
 * listens any more.
 */
export async function answersItself(
  address: ListenAddress | undefined,
  signal: AbortSignal,
): Promise<void> {
  // Without HTTP there is nobody to ask but the loop, which has to come round for this to go on.
  if (address === undefined) return new Promise((resolve) => setImmediate(resolve))
  const place =
    address.kind === 'unix'
      ? { socketPath: address.socketPath }
      : { host: address.host, port: address.port }
  await new Promise<void>((resolve, reject) => {
    const request = http.get(
      { ...place, path: '/v1/agent/version', agent: false, signal },
      (answer) => {
        answer.resume()
        resolve()
      },
    )
    request.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve() : reject(error),
    )
  })
}
