import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** The next ports from the first that nobody uses, each given once: the machine gives them to outgoing connections too. */
export function portsFrom(first: number): () => Promise<number> {
  let next = first
  return async () => {
    for (;;) {
      const port = next
      next += 1
      if (await isFree(port)) return port
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const socket = createSocket('udp4')
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    await new Promise<void>((closed) => server.close(() => closed()))
    await new Promise<void>((closed) => socket.close(closed))
  }
}
