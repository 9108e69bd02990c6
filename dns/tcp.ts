import { createServer } from 'node:net'
import type { Socket } from 'node:net'

import type { Handle } from './handle.ts'
import type { DnsPorts } from './ports.ts'

export interface TcpListener {
  close(): Promise<void>
}

/** Connections at a time; further ones are closed at once. */
const connectionsMax = 1024
/** A connection on which nothing comes for so long is closed (RFC 7766 §6.2.3), also in the middle of a message. */
const idleMs = 10_000
/** Questions of one connection that may wait for the cluster, and bytes of answers for the asker: then reading pauses. */
const pendingMax = 64
const unsentMaxBytes = 1024 * 1024
const lengthSizeBytes = 2

/** DNS over TCP (RFC 7766): each message after its length in two bytes; answers as they are ready, in any order. */
export async function listenTcp(
  host: string,
  port: number,
  handle: Handle,
  { log }: DnsPorts,
): Promise<TcpListener> {
  const connections = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (connections.size === connectionsMax) {
      socket.destroy()
      return
    }
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    serve(socket, handle)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => log.error({ error }, 'TCP listener failed'))
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of connections) socket.destroy()
      }),
  }
}

function serve(socket: Socket, handle: Handle): void {
  let unread: Buffer = Buffer.alloc(0)
  let pending = 0
  let hasEnded = false

  const answer = async (message: Buffer): Promise<void> => {
    pending += 1
    const bytes = await handle(message, 'tcp')
    pending -= 1
    if (socket.destroyed) return
    // What deserves no answer over UDP deserves no connection either.
    if (bytes === undefined) return void socket.destroy()
    const length = Buffer.allocUnsafe(lengthSizeBytes)
    length.writeUInt16BE(bytes.length)
    socket.cork()
    socket.write(length)
    socket.write(bytes)
    socket.uncork()
    readOn()
  }
  const hasRoom = (): boolean => pending < pendingMax && socket.writableLength < unsentMaxBytes
  /** Takes the whole messages that came, while there's room for their answers. */
  const readOn = (): void => {
    let message = firstMessage(unread)
    while (message !== undefined && hasRoom()) {
      unread = unread.subarray(lengthSizeBytes + message.length)
      void answer(message)
      message = firstMessage(unread)
    }
    if (message !== undefined) socket.pause()
    else if (hasEnded && pending === 0) socket.end()
    else socket.resume()
  }

  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('drain', readOn)
  socket.on('data', (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk])
    readOn()
  })
  socket.on('end', () => {
    hasEnded = true
    readOn()
  })
}

/** The first message of what was read, if it came whole. */
function firstMessage(unread: Buffer): Buffer | undefined {
  if (unread.length < lengthSizeBytes) return undefined
  const end = lengthSizeBytes + unread.readUInt16BE(0)
  return unread.length < end ? undefined : unread.subarray(lengthSizeBytes, end)
}
