/**
 * How many connections there may be, in all and from one address, so that one client that leaks connections shuts out itself
 * and nobody else. Consul's own limit for one client is 100 (`rpc_max_conns_per_client`).
 */
export interface AdmissionLimits {
  readonly connectionsMax: number
  /** 0 and less for no limit. */
  readonly connectionsPerClientMax: number
}

export const defaultAdmissionLimits: AdmissionLimits = {
  connectionsMax: 8192,
  connectionsPerClientMax: 100,
}

export type Refusal = 'total' | 'client'

export class Admission {
  #limits: AdmissionLimits
  readonly #byClient = new Map<string, number>()
  #total = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Whoever is in stays in. */
  change(limits: Partial<AdmissionLimits>): void {
    this.#limits = { ...this.#limits, ...limits }
  }

  /** Connections that are in. */
  get total(): number {
    return this.#total
  }

  /** Lets a connection in, or says which limit it would break. Whoever was let in must `leave` once. */
  enter(client: string): Refusal | undefined {
    const ofClient = this.#byClient.get(client) ?? 0
    if (this.#total >= this.#limits.connectionsMax) return 'total'
    const { connectionsPerClientMax } = this.#limits
    if (connectionsPerClientMax > 0 && ofClient >= connectionsPerClientMax) return 'client'
    this.#total += 1
    this.#byClient.set(client, ofClient + 1)
    return undefined
  }

  leave(client: string): void {
    const ofClient = this.#byClient.get(client) ?? 0
    if (ofClient === 0) return
    this.#total -= 1
    if (ofClient === 1) this.#byClient.delete(client)
    else this.#byClient.set(client, ofClient - 1)
  }
}
