import { lost } from './network.ts'
import type { Network } from './network.ts'

/** How TCP gets through the network's weather, in microseconds; `lost` where it takes longer than anybody waits. */
export class StreamTimes {
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  /** Until the connection stands: a SYN and its answer, sent again after 1, 3 and 7 s (RFC 6298). */
  connectUs(from: number, to: number, nowUs: number): number {
    for (const waitUs of synTriesUs) {
      const sentUs = nowUs + waitUs
      const thereUs = this.#network.travelUs(from, to, sentUs, streamSalt)
      if (thereUs === lost) continue
      const backUs = this.#network.travelUs(to, from, sentUs + thereUs, streamSalt)
      if (backUs !== lost) return waitUs + thereUs + backUs
    }
    return lost
  }

  /** Until so many bytes have arrived on a standing connection: a flight of segments, of which one may have to be sent again. */
  transferUs(from: number, to: number, nowUs: number, bytes: number): number {
    const sendingUs = Math.ceil(bytes / bytesPerUs)
    let waitUs = 0
    for (let retryUs = retryFirstUs; retryUs <= retryLastUs; retryUs *= 2) {
      const travelUs = this.#network.travelUs(from, to, nowUs + waitUs, streamSalt + 1)
      if (travelUs !== lost) return waitUs + travelUs + sendingUs
      waitUs += retryUs
    }
    return lost
  }
}

const streamSalt = 77
const synTriesUs = [0, 1_000_000, 3_000_000, 7_000_000]
const retryFirstUs = 200_000
const retryLastUs = 6_400_000
/** A gigabit a second. */
const bytesPerUs = 125
