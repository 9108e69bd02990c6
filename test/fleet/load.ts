import type { AgentProcess } from '../support/agent-process.ts'
import { lookUp } from './lookup.ts'

/** How often one thing is tried before it counts as failed. */
const attemptsMax = 3

/** Clients that write, read what they wrote, and look up names, each through an agent of its own. */
export class Load {
  writes = 0
  reads = 0
  lookups = 0
  slowestMs = 0
  /** What failed though it was tried again. */
  readonly failures: string[] = []
  readonly wrong: string[] = []
  readonly #agents: readonly AgentProcess[]
  /** The last acknowledged value of each writer's key. */
  readonly #written = new Map<string, number>()
  #stopped = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(agents: readonly AgentProcess[]) {
    this.#agents = agents
  }

  start(): void {
    this.#running = Promise.all(this.#agents.map((agent, at) => this.#client(agent, `load/${at}`)))
  }

  /** Resolves when so many more writes were acknowledged. */
  async passes(count: number): Promise<void> {
    const enough = this.writes + count
    const untilMs = performance.now() + 60_000
    while (this.writes < enough) {
      if (performance.now() > untilMs) throw new Error('the writers stand still')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** Keys that do not have what was acknowledged last. */
  async lost(agent: AgentProcess): Promise<readonly string[]> {
    const lost: string[] = []
    for (const [key, value] of this.#written) {
      const { text } = await agent.ask('GET', `/kv/${key}?raw&consistent`)
      if (text !== String(value)) lost.push(`${key} is ${text}, not ${value}`)
    }
    return lost
  }

  async #client(agent: AgentProcess, key: string): Promise<void> {
    for (let value = 1; !this.#stopped; value += 1) {
      const put = await this.#tried(`PUT ${key}`, () =>
        agent.ask('PUT', `/kv/${key}`, String(value)),
      )
      if (put === undefined) continue
      this.writes += 1
      this.#written.set(key, value)
      const got = await this.#tried(`GET ${key}`, () => agent.ask('GET', `/kv/${key}?raw`))
      if (got !== undefined) {
        this.reads += 1
        if (got.text !== String(value)) this.wrong.push(`${key} was ${got.text}, not ${value}`)
      }
      if (value % 10 === 0) await this.#look(agent)
    }
  }

  async #look(agent: AgentProcess): Promise<void> {
    try {
      const found = await lookUp(agent.dnsPort, 'everywhere.service.consul')
      this.lookups += 1
      if (found.length === 0) this.wrong.push('a look-up found nobody')
    } catch (error) {
      this.failures.push(`a look-up: ${String(error)}`)
    }
  }

  /** The answer, if it is one within a few attempts. */
  async #tried(
    what: string,
    ask: () => Promise<{ readonly status: number; readonly text: string }>,
  ): Promise<{ readonly text: string } | undefined> {
    let last = ''
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const beganMs = performance.now()
      const answer = await ask().catch((error: unknown) => ({ status: 0, text: String(error) }))
      this.slowestMs = Math.max(this.slowestMs, performance.now() - beganMs)
      if (answer.status === 200) return answer
      last = `${answer.status} ${answer.text}`
    }
    this.failures.push(`${what}: ${last}`)
    return undefined
  }
}
