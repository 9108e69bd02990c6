import { createSocket } from 'node:dgram'
import type { Socket as UdpSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'

import type { Clock } from '../server/runtime/clock.ts'
import type { Transport } from './fit.ts'
import { flagBits, headerSizeBytes } from './question.ts'
import type { Recursor } from './settings.ts'

export interface ExchangeOptions {
  readonly transport: Transport
  /** A larger answer is none. */
  readonly sizeMaxBytes: number
  readonly timeoutMs: number
}

/** Sends a question to another server and gives its answer, of which only the id was looked at. Rejects where none comes. */
export type Exchange = (
  message: Buffer,
  recursor: Recursor,
  options: ExchangeOptions,
) => Promise<Buffer>

/** Questions to other servers at a time; each has a socket of its own. A server that is its own recursor ends here. */
const exchangesMax = 1024
const lengthSizeBytes = 2

/** Until the signal comes; what is under way then is given up. */
export function createExchange(clock: Clock, signal: AbortSignal): Exchange {
  let underWay = 0
  return async (message, recursor, options) => {
    if (underWay === exchangesMax) throw new Error('too many questions to other servers')
    underWay += 1
    try {
      const carry = options.transport === 'udp' ? carryByUdp : carryByTcp
      return await limited(clock, signal, options.timeoutMs, (settle) =>
        carry(message, recursor, settle, options.sizeMaxBytes),
      )
    } finally {
      underWay -= 1
    }
  }
}

interface Settle {
  readonly resolve: (answer: Buffer) => void
  readonly reject: (error: Error) => void
}

/** Begins, and ends when there is an answer or an error, when time is up, or at the signal; what was opened is closed then. */
async function limited(
  clock: Clock,
  signal: AbortSignal,
  timeoutMs: number,
  begin: (settle: Settle) => () => void,
): Promise<Buffer> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const timer = clock.after(timeoutMs, () => reject(new Error('i/o timeout')))
  const onAbort = (): void => reject(new Error('closed'))
  signal.addEventListener('abort', onAbort, { once: true })
  const close = begin({ resolve, reject })
  try {
    return await promise
  } finally {
    close()
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * From a port of its own that the system chose, and connected, so that only this server is heard: with the random id that is what
 * a forger has to guess (RFC 5452). Other answers are passed over until time is up.
 */
function carryByUdp(
  message: Buffer,
  { host, port }: Recursor,
  { resolve, reject }: Settle,
  sizeMaxBytes: number,
): () => void {
  const socket: UdpSocket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', reject)
  socket.on('message', (answer) => {
    if (!isAnswerTo(message, answer)) return
    if (answer.length > sizeMaxBytes) reject(new Error('answer is larger than was asked for'))
    else resolve(answer)
  })
  socket.connect(port, host, () =>
    socket.send(message, (error) => {
      if (error !== null) reject(error)
    }),
  )
  return () => void socket.close()
}

function carryByTcp(
  message: Buffer,
  { host, port }: Recursor,
  { resolve, reject }: Settle,
): () => void {
  const socket = connect({ host, port, noDelay: true })
  const framed = Buffer.allocUnsafe(lengthSizeBytes + message.length)
  framed.writeUInt16BE(message.length)
  message.copy(framed, lengthSizeBytes)
  let read: Buffer = Buffer.alloc(0)
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('connection was closed')))
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk])
    if (read.length < lengthSizeBytes) return
    const end = lengthSizeBytes + read.readUInt16BE(0)
    if (read.length < end) return
    const answer = read.subarray(lengthSizeBytes, end)
    if (isAnswerTo(message, answer)) resolve(answer)
    else reject(new Error('id mismatch'))
  })
  socket.write(framed)
  return () => void socket.destroy()
}

function isAnswerTo(message: Buffer, answer: Buffer): boolean {
  return (
    answer.length >= headerSizeBytes &&
    answer.readUInt16BE(0) === message.readUInt16BE(0) &&
    (answer.readUInt16BE(2) & flagBits.response) !== 0
  )
}
