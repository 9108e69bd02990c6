import { Agent } from './agent.ts'
import type { AgentPorts, Kind } from './agent.ts'

/** Three servers of one kind, two clients of the other, and one of the servers' kind beside them. */
export class Fleet implements AsyncDisposable {
  readonly servers: readonly string[] = ['s0', 's1', 's2']
  /** Of the other kind than the servers. */
  readonly guests: readonly string[] = ['g0', 'g1']
  readonly #agents = new Map<string, Agent>()
  readonly #ports = new Map<string, AgentPorts>()
  readonly #directory: string
  readonly #nextPort: () => Promise<number>
  readonly ofServers: Kind
  readonly ofGuests: Kind

  constructor(
    kinds: { readonly servers: Kind; readonly guests: Kind },
    where: { readonly directory: string; readonly nextPort: () => Promise<number> },
  ) {
    this.ofServers = kinds.servers
    this.ofGuests = kinds.guests
    this.#directory = where.directory
    this.#nextPort = where.nextPort
  }

  get names(): readonly string[] {
    return [...this.servers, ...this.guests, 'native']
  }

  get agents(): readonly Agent[] {
    return [...this.#agents.values()]
  }

  agent(name: string): Agent {
    const agent = this.#agents.get(name)
    if (agent === undefined) throw new Error(`${name} does not run`)
    return agent
  }

  async startAll(flagsOf: (name: string) => readonly string[]): Promise<void> {
    for (const name of this.names) await this.#portsOf(name)
    for (const name of this.names) await this.start(name, { flags: flagsOf(name) })
  }

  /** A guest may come back as the other kind, in the same directory. */
  async start(
    name: string,
    { kind, flags = [] }: { readonly kind?: Kind; readonly flags?: readonly string[] } = {},
  ): Promise<Agent> {
    const isServer = this.servers.includes(name)
    const ports = await this.#portsOf(name)
    const met = await Promise.all(this.servers.map((server) => this.#portsOf(server)))
    const agent = await Agent.start({
      kind: kind ?? (this.guests.includes(name) ? this.ofGuests : this.ofServers),
      name,
      ports,
      directory: this.#directory,
      flags: [
        ...met.map(({ lan }) => `-retry-join=127.0.0.1:${lan}`),
        ...(isServer
          ? [
              '-server',
              '-bootstrap-expect=3',
              `-serf-wan-port=${ports.wan}`,
              '-hcl=performance { raft_multiplier = 1 }',
            ]
          : []),
        ...flags,
      ],
    })
    this.#agents.set(name, agent)
    return agent
  }

  async kill(name: string): Promise<void> {
    await this.agent(name).kill()
    this.#agents.delete(name)
  }

  async interrupt(name: string): Promise<void> {
    await this.agent(name).interrupt()
    this.#agents.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.kill()))
  }

  async #portsOf(name: string): Promise<AgentPorts> {
    const known = this.#ports.get(name)
    if (known !== undefined) return known
    const next = this.#nextPort
    const ports = {
      http: await next(),
      dns: await next(),
      server: await next(),
      lan: await next(),
      wan: await next(),
    }
    this.#ports.set(name, ports)
    return ports
  }
}
