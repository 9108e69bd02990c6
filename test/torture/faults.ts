import type { Chance } from '../../server/runtime/chance.ts'
import type { Cluster } from './cluster.ts'
import type { Weather } from './link.ts'
import type { ServerProcess } from './server-process.ts'

export interface Fault {
  readonly name: string
  /** Below so many servers it would only be an outage, or there is nothing to do it to. */
  readonly serversMin: number
  /** Does it, tells what, waits, and undoes it. */
  readonly inflict: (scene: Scene) => Promise<void>
}

export interface Scene {
  readonly cluster: Cluster
  readonly chance: Chance
  /** Notes what happens now; `leaderLost` where nobody can lead for now who did. */
  readonly tell: (what: string, leaderLost: boolean) => void
  /** Ends early when the run does. */
  readonly sleep: (ms: number) => Promise<void>
}

/** With the timings that the servers are given, nobody campaigns sooner. */
export const electionMs = 1000

/** Every way to hurt a cluster that Raft says it survives: ONE row each. */
export const faults: readonly Fault[] = [
  {
    name: 'kill',
    serversMin: 1,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        await server.kill()
        scene.tell(`kill ${server.name}`, isLeader)
        await comeBack(scene, server)
      }),
  },
  {
    name: 'kill-all',
    serversMin: 2,
    async inflict(scene) {
      const { servers } = scene.cluster
      if (servers.some(({ isTaken }) => isTaken)) return
      await Promise.all(servers.map((server) => server.kill()))
      scene.tell('kill all', false)
      await scene.sleep(between(scene.chance, 0, 1000))
      for (const server of servers) server.start()
      scene.tell('start all', true)
    },
  },
  {
    name: 'pause',
    serversMin: 1,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        server.pause()
        // Shorter than an election timeout, about as long, or much longer: each means another thing.
        const ms = pick(scene.chance, [100, 900, 1100, 2500, 4000])
        scene.tell(`pause ${server.name} for ${ms} ms`, isLeader && ms > electionMs)
        await scene.sleep(ms)
        server.resume()
      }),
  },
  {
    name: 'tear',
    serversMin: 1,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        await server.kill()
        await server.tear()
        scene.tell(`kill ${server.name} in the middle of a write`, isLeader)
        await comeBack(scene, server)
      }),
  },
  {
    name: 'wipe',
    serversMin: 3,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        // Whoever was wiped is nobody's voter until it has caught up, so one after another, and no other fault beside it.
        if (scene.cluster.servers.some((other) => other !== server && other.isTaken)) return
        if (!(await scene.cluster.isWhole())) return
        await server.kill()
        await server.wipe()
        scene.tell(`wipe ${server.name}`, isLeader)
        await comeBack(scene, server)
      }),
  },
  {
    name: 'client-cut',
    serversMin: 1,
    async inflict({ chance, cluster, tell }) {
      const link = pick(chance, cluster.clientLinks)
      link.cut()
      tell(`cut ${link.name}`, false)
    },
  },
  {
    name: 'client-slow',
    serversMin: 1,
    inflict: (scene) => onLinks(scene, [pick(scene.chance, scene.cluster.clientLinks)], bad),
  },
  {
    name: 'client-deaf',
    serversMin: 1,
    // What was asked is done, and the answer comes late or never.
    async inflict({ chance, cluster, sleep, tell }) {
      const link = pick(chance, cluster.clientLinks)
      link.set(pick(chance, ['there', 'back']), { held: true })
      tell(`hold one direction of ${link.name}`, false)
      await sleep(between(chance, 200, 2000))
      if (chance.fraction() < 0.5) link.cut()
      link.heal()
    },
  },
  {
    name: 'isolate',
    serversMin: 3,
    inflict: (scene) =>
      withServer(scene, (server, isLeader) =>
        partition(scene, `isolate ${server.name}`, isLeader, (from, to) =>
          [from, to].includes(server.number),
        ),
      ),
  },
  {
    name: 'mute',
    serversMin: 3,
    // It hears and is not heard: a leader that everybody believes dead.
    inflict: (scene) =>
      withServer(scene, (server, isLeader) =>
        partition(scene, `mute ${server.name}`, isLeader, (from) => from === server.number),
      ),
  },
  {
    name: 'deafen',
    serversMin: 3,
    // It is heard and hears nothing: a leader that would stay for ever if it did not count its followers.
    inflict: (scene) =>
      withServer(scene, (server, isLeader) =>
        partition(scene, `deafen ${server.name}`, isLeader, (_, to) => to === server.number),
      ),
  },
  {
    name: 'bridge',
    serversMin: 3,
    // Two halves that only one server connects: each has a majority with it.
    async inflict(scene) {
      const { chance, cluster } = scene
      const bridge = pick(chance, cluster.servers).number
      const isLeft = cluster.servers.map(() => chance.fraction() < 0.5)
      await partition(
        scene,
        `only ${cluster.servers[bridge]?.name} connects all`,
        false,
        (from, to) => from !== bridge && to !== bridge && isLeft[from] !== isLeft[to],
      )
    },
  },
  {
    name: 'peer-slow',
    serversMin: 2,
    inflict: (scene) => onLinks(scene, somePeerLinks(scene), bad),
  },
  {
    name: 'peer-cut',
    serversMin: 2,
    async inflict(scene) {
      for (const link of somePeerLinks(scene)) {
        if (scene.chance.fraction() < 0.5) link.cut()
        else link.halfClose(pick(scene.chance, ['there', 'back']))
        scene.tell(`cut ${link.name}`, false)
      }
    },
  },
]

/** Takes a server that no other fault has in its hands: every other time the leader. */
async function withServer(
  { chance, cluster }: Scene,
  hurt: (server: ServerProcess, isLeader: boolean) => Promise<void>,
): Promise<void> {
  const leader = await cluster.leader()
  const free = cluster.servers.filter(({ isTaken, isUp }) => !isTaken && isUp)
  if (free.length === 0) return
  const server =
    leader !== undefined && free.includes(leader) && chance.fraction() < 0.5
      ? leader
      : pick(chance, free)
  server.isTaken = true
  try {
    // One alone is not replaced; see comeBack.
    await hurt(server, server === leader && cluster.servers.length > 1)
  } finally {
    server.isTaken = false
  }
}

async function comeBack(scene: Scene, server: ServerProcess): Promise<void> {
  await scene.sleep(between(scene.chance, 0, 3000))
  server.start()
  // A server alone is its own leader: what it takes to lead again begins here.
  if (scene.cluster.servers.length === 1) scene.tell(`start ${server.name}`, true)
}

async function partition(
  scene: Scene,
  name: string,
  leaderLost: boolean,
  isSevered: (from: number, to: number) => boolean,
): Promise<void> {
  const { chance, cluster, sleep, tell } = scene
  tell(name, leaderLost)
  // A link is dialled from one side, and both sides talk on it.
  for (const from of cluster.servers)
    for (const to of cluster.servers) {
      if (from === to) continue
      const link = cluster.link(from.number, to.number)
      if (isSevered(from.number, to.number)) link.set('there', { held: true })
      if (isSevered(to.number, from.number)) link.set('back', { held: true })
    }
  await sleep(between(chance, 500, 6000))
  const isReset = chance.fraction() < 0.5
  for (const link of cluster.peerLinks.values()) {
    // The silence was long enough for the connections to be given up, or it was not.
    if (isReset) link.cut()
    link.heal()
  }
}

type Links = readonly Cluster['clientLinks'][number][]

async function onLinks(
  { chance, sleep, tell }: Scene,
  links: Links,
  weather: (chance: Chance) => Partial<Weather>,
): Promise<void> {
  for (const link of links) {
    const drawn = weather(chance)
    link.set('there', drawn)
    link.set('back', drawn)
    tell(`${JSON.stringify(drawn)} on ${link.name}`, false)
  }
  await sleep(between(chance, 500, 4000))
  for (const link of links) link.heal()
}

function bad(chance: Chance): Partial<Weather> {
  return pick(chance, [
    { delayMs: 20 },
    { delayMs: 300 },
    { bytesPerSecond: 20_000 },
    { delayMs: 5, breakChance: 0.02 },
  ])
}

function somePeerLinks({ chance, cluster }: Scene): Links {
  const links = [...cluster.peerLinks.values()].filter(() => chance.fraction() < 0.4)
  return links.length > 0 ? links : [...cluster.peerLinks.values()].slice(0, 1)
}

function between(chance: Chance, low: number, high: number): number {
  return Math.round(low + chance.fraction() * (high - low))
}

function pick<T>(chance: Chance, items: readonly T[]): T {
  return items[Math.floor(chance.fraction() * items.length)] as T
}
