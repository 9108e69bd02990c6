import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Test } from 'tap'

import { type AgentProcess, freePort, startAgentProcess } from './agent-process.ts'

/** How long the slowest step may take: autopilot acts every ten seconds. */
export const patienceMs = 45_000

/** Asks until the answer is as wanted; throws with the last one when it never is. */
export async function until<Value>(
  ask: () => Value | Promise<Value>,
  wanted: (value: Value) => boolean,
): Promise<Value> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const value = await Promise.resolve()
      .then(ask)
      .catch(() => undefined)
    if (value !== undefined && wanted(value)) return value
    if (Date.now() > deadline) throw new Error(`it stayed ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export interface ServerSet {
  readonly dataDir: (at: number) => string
  /** The server's RPC address. */
  readonly addressOf: (at: number) => string
  readonly start: (at: number) => Promise<AgentProcess>
  /** A client agent that looks for them, the same one wherever its name is the same. */
  readonly startClient: (
    name: string,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<AgentProcess>
}

export interface ServerSetOptions {
  /** Settings that all have beside those that make them quick. */
  readonly hcl?: string
  readonly env?: (at: number) => Readonly<Record<string, string>>
}

/** Three servers on the loopback that find each other, with directories and ports that outlive them. */
export async function threeServers(
  t: Pick<Test, 'teardown'>,
  options: ServerSetOptions = {},
): Promise<ServerSet> {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const ports: { readonly server: number; readonly lan: number; readonly wan: number }[] = []
  for (let at = 0; at < 3; at += 1)
    ports.push({ server: await freePort(), lan: await freePort(), wan: await freePort() })
  const dataDir = (at: number): string => join(directory, String(at))
  const quick = [
    '-bind=127.0.0.1',
    '-hcl=gossip_lan { gossip_interval = "50ms" probe_interval = "200ms" probe_timeout = "100ms" suspicion_mult = 2 }',
    ...ports.map(({ lan }) => `-retry-join=127.0.0.1:${lan}`),
  ]
  const clientPorts = new Map<string, { readonly http: number; readonly lan: number }>()
  return {
    dataDir,
    addressOf: (at) => `127.0.0.1:${ports[at]?.server}`,
    start: (at) =>
      startAgentProcess({
        args: [
          '-server',
          '-bootstrap-expect=3',
          `-node=s${at}`,
          `-data-dir=${dataDir(at)}`,
          ...quick,
          `-server-port=${ports[at]?.server}`,
          `-serf-lan-port=${ports[at]?.lan}`,
          `-serf-wan-port=${ports[at]?.wan}`,
          '-hcl=performance { raft_multiplier = 1 }',
          '-hcl=autopilot { server_stabilization_time = "1s" }',
          ...(options.hcl === undefined ? [] : [`-hcl=${options.hcl}`]),
        ],
        ...(options.env === undefined ? {} : { env: options.env(at) }),
      }),
    async startClient(name, args = [], env = {}) {
      const known = clientPorts.get(name) ?? { http: await freePort(), lan: await freePort() }
      clientPorts.set(name, known)
      return startAgentProcess({
        httpPort: known.http,
        env,
        args: [
          `-node=${name}`,
          `-data-dir=${join(directory, name)}`,
          ...quick,
          `-serf-lan-port=${known.lan}`,
          ...args,
        ],
      })
    },
  }
}
