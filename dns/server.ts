import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

import { createExchange } from './exchange.ts'
import { createHandle } from './handle.ts'
import type { Handle } from './handle.ts'
import type { DnsPorts } from './ports.ts'
import type { DnsSettings } from './settings.ts'
import { listenTcp } from './tcp.ts'
import type { TcpListener } from './tcp.ts'

/** DNS over UDP and TCP on one port. */
export interface Dns {
  /** Resolves when both listen; rejects when either can't. May be called again for further addresses. */
  listen(host: string, port: number): Promise<void>
  /** From the next question on. */
  configure(settings: DnsSettings): void
  /** Questions in flight are answered no more. */
  close(): Promise<void>
}

/** Questions over UDP that may wait for the cluster; more are dropped, and their askers ask again or ask another. */
const pendingMax = 4096
const receiveBufferBytes = 4 * 1024 * 1024

export function createDns(ports: DnsPorts, settings: DnsSettings): Dns {
  const log = ports.log.child({ part: 'dns' })
  const closing = new AbortController()
  const inner = { ...ports, log, exchange: createExchange(ports.clock, closing.signal) }
  let handle = createHandle(inner, settings)
  const current: Handle = (message, transport) => handle(message, transport)
  const closers: (() => Promise<void>)[] = []

  return {
    async listen(host, port) {
      const udp = await listenUdp(host, port, current, inner)
      closers.push(() => closeUdp(udp))
      const tcp: TcpListener = await listenTcp(host, port, current, inner)
      closers.push(() => tcp.close())
    },
    configure(next) {
      handle = createHandle(inner, next)
    },
    async close() {
      closing.abort()
      await Promise.all(closers.splice(0).map((close) => close()))
    },
  }
}

async function listenUdp(
  host: string,
  ownPort: number,
  handle: Handle,
  { log }: DnsPorts,
): Promise<Socket> {
  const family = isIPv6(host) ? 6 : 4
  const socket = createSocket({
    type: `udp${family}`,
    recvBufferSize: receiveBufferBytes,
    // Answers go to addresses, so there's nothing to look up; doing it at once saves a turn of the event loop for each.
    lookup: (address, _options, callback) => callback(null, address, family),
  })
  let pending = 0
  let isClosed = false
  const onSent = (error: Error | null): void => {
    if (error !== null) log.debug({ error }, 'failed to respond')
  }
  const answer = async (message: Buffer, { port, address }: RemoteInfo): Promise<void> => {
    pending += 1
    const bytes = await handle(message, 'udp')
    pending -= 1
    if (bytes === undefined || isClosed) return
    socket.send(bytes, 0, bytes.length, port, address, onSent)
  }
  socket.once('close', () => (isClosed = true))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(ownPort, host, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  socket.on('error', (error) => log.error({ error }, 'UDP socket failed'))
  socket.on('message', (message, from) => {
    if (pending < pendingMax) void answer(message, from)
  })
  return socket
}

function closeUdp(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve))
}
