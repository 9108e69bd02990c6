import type { Chance } from '../../server/runtime/chance.ts'
import type { Cluster } from './cluster.ts'
import type { Weather } from './link.ts'
import type { Loss } from './record.ts'
import type { ServerProcess } from './server-process.ts'

export interface Fault {
  readonly name: string
  /** Below so many servers it would only be an outage, or there is nothing to do it to. */
  readonly serversMin: number
  /** Part of every run that does not name its faults. */
  readonly isAlways?: true
  /** Does it, tells what, waits, and undoes it. */
  readonly inflict: (scene: Scene) => Promise<void>
}

export interface Scene {
  readonly cluster: Cluster
  readonly chance: Chance
  /** Notes what happens now, and whether the leader is lost by it. */
  readonly tell: (what: string, loss?: Loss) => void
  /** Ends early when the run does. */
  readonly sleep: (ms: number) => Promise<void>
  /** Asks again and again, until it is so, for so long at most, or until the run ends. */
  readonly until: (isSo: () => Promise<boolean>, ms: number) => Promise<void>
}

/** With the timings that the servers are given, nobody campaigns sooner. */
export const electionMs = 1000
/** How long a server that was started may take to hear who leads. */
const backMs = 15_000
/** And one without its data to vote: autopilot looks at it every ten seconds while somebody leads. */
const voteMs = 45_000
/** Nobody waits for a leader longer than this before campaigning: who is away for less may still lead afterwards. */
const patienceMs = 2 * electionMs

/** Every way to hurt a cluster that Raft says it survives: ONE row each. */
export const faults: readonly Fault[] = [
  {
    name: 'kill',
    serversMin: 1,
    isAlways: true,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        scene.tell(`kill ${server.name}`, isLeader ? 'killed' : undefined)
        await server.kill()
        await comeBack(scene, server)
      }),
  },
  {
    name: 'kill-all',
    serversMin: 2,
    async inflict(scene) {
      const { servers } = scene.cluster
      if (servers.some(({ isTaken }) => isTaken)) return
      await holding(servers, async () => {
        scene.tell('kill all')
        await Promise.all(servers.map((server) => server.kill()))
        await scene.sleep(between(scene.chance, 0, 1000))
        scene.tell('start all', 'started')
        for (const server of servers) server.start()
        await untilBack(scene, servers)
      })
    },
  },
  {
    name: 'pause',
    serversMin: 1,
    isAlways: true,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        // Shorter than an election timeout, about as long, or much longer: each means another thing.
        const ms = pick(scene.chance, [100, 900, 1100, 2500, 4000])
        const isLost = isLeader && ms > patienceMs
        scene.tell(`pause ${server.name} for ${ms} ms`, isLost ? 'paused' : undefined)
        server.pause()
        await scene.sleep(ms)
        server.resume()
      }),
  },
  {
    name: 'tear',
    serversMin: 1,
    inflict: (scene) =>
      withServer(scene, async (server, isLeader) => {
        scene.tell(
          `tear ${server.name}, killed in the middle of a write`,
          isLeader ? 'killed' : undefined,
        )
        await server.kill()
        await server.tear({ truncate: scene.chance.fraction() < 0.5 })
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
        scene.tell(`wipe ${server.name}`, isLeader ? 'killed' : undefined)
        server.isNew = true
        await server.kill()
        await server.wipe()
        await comeBack(scene, server)
        await scene.until(() => scene.cluster.isWhole(), voteMs)
        server.isNew = false
      }),
  },
  {
    name: 'client-cut',
    serversMin: 1,
    async inflict({ chance, cluster, tell }) {
      const link = pick(chance, cluster.clientLinks)
      link.cut()
      tell(`cut ${link.name}`)
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
      const end = link.suffer(pick(chance, ['there', 'back']), { held: true })
      tell(`hold one direction of ${link.name}`)
      await sleep(between(chance, 200, 2000))
      if (chance.fraction() < 0.5) link.cut()
      end()
    },
  },
  {
    name: 'isolate',
    serversMin: 3,
    isAlways: true,
    inflict: (scene) =>
      withServer(scene, (server, isLeader) =>
        partition(scene, { name: `isolate ${server.name}`, isLeader }, (from, to) =>
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
        partition(
          scene,
          { name: `mute ${server.name}`, isLeader },
          (from) => from === server.number,
        ),
      ),
  },
  {
    name: 'deafen',
    serversMin: 3,
    // It is heard and hears nothing: a leader that would stay for ever if it did not count its followers.
    inflict: (scene) =>
      withServer(scene, (server, isLeader) =>
        partition(
          scene,
          { name: `deafen ${server.name}`, isLeader },
          (_, to) => to === server.number,
        ),
      ),
  },
  {
    name: 'bridge',
    serversMin: 3,
    // Two halves that only one server connects: each has a majority with it, or nearly.
    async inflict(scene) {
      const { chance, cluster } = scene
      if (isCrowded(scene)) return
      const bridge = pick(chance, cluster.servers)
      const rest = cluster.servers.filter((server) => server !== bridge)
      const left = rest.slice(0, Math.floor(rest.length / 2))
      const isLeft = (number: number): boolean => left.some((server) => server.number === number)
      await holding(left, () =>
        partition(
          scene,
          { name: `only ${bridge.name} connects all`, isLeader: false },
          (from, to) => ![from, to].includes(bridge.number) && isLeft(from) !== isLeft(to),
        ),
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
        scene.tell(`cut ${link.name}`)
      }
    },
  },
]

/** Takes a server that no other fault has in its hands: every other time the leader. */
async function withServer(
  scene: Scene,
  hurt: (server: ServerProcess, isLeader: boolean) => Promise<void>,
): Promise<void> {
  const { chance, cluster } = scene
  if (isCrowded(scene)) return
  const leader = await cluster.leader()
  const free = cluster.servers.filter(({ isTaken, isUp }) => !isTaken && isUp)
  if (free.length === 0) return
  const server =
    leader !== undefined && free.includes(leader) && chance.fraction() < 0.5
      ? leader
      : pick(chance, free)
  // One alone is not replaced; see comeBack.
  const isReplaced = server === leader && cluster.servers.length > 1
  await holding([server], () => hurt(server, isReplaced))
}

/**
 * Two of three away at once are an outage, in which little happens: mostly the others are left a majority. Above all while one is
 * to become a voter again, for which a leader must last a while.
 */
function isCrowded({ chance, cluster: { servers } }: Scene): boolean {
  const taken = servers.filter(({ isTaken }) => isTaken).length
  const spared = servers.some(({ isNew }) => isNew) ? 0.97 : 0.9
  return taken > 0 && 2 * (taken + 1) >= servers.length && chance.fraction() < spared
}

async function holding(
  servers: readonly ServerProcess[],
  hurt: () => Promise<void>,
): Promise<void> {
  for (const server of servers) server.isTaken = true
  try {
    await hurt()
  } finally {
    for (const server of servers) server.isTaken = false
  }
}

async function comeBack(scene: Scene, server: ServerProcess): Promise<void> {
  await scene.sleep(between(scene.chance, 0, 3000))
  // A server alone is its own leader: what it takes to lead again begins here.
  if (scene.cluster.servers.length === 1) scene.tell(`start ${server.name}`, 'started')
  server.start()
  await untilBack(scene, [server])
}

/** Mostly; now and then something befalls a server that is not all there yet. */
async function untilBack(
  { chance, cluster, until }: Scene,
  servers: readonly ServerProcess[],
): Promise<void> {
  if (chance.fraction() < 0.15) return
  for (const server of servers)
    await until(async () => (await cluster.leaderOf(server)) !== undefined, backMs)
}

interface Partition {
  readonly name: string
  /** Whether it cuts the leader off. */
  readonly isLeader: boolean
}

async function partition(
  scene: Scene,
  { name, isLeader }: Partition,
  isSevered: (from: number, to: number) => boolean,
): Promise<void> {
  const { chance, cluster, sleep, tell } = scene
  const ms = between(chance, 500, 6000)
  tell(`${name} for ${ms} ms`, isLeader && ms > patienceMs ? 'cut off' : undefined)
  const ends: (() => void)[] = []
  // A link is dialled from one side, and both sides talk on it.
  for (const from of cluster.servers)
    for (const to of cluster.servers) {
      if (from === to) continue
      const link = cluster.link(from.number, to.number)
      if (isSevered(from.number, to.number)) ends.push(link.suffer('there', { held: true }))
      if (isSevered(to.number, from.number)) ends.push(link.suffer('back', { held: true }))
    }
  await sleep(ms)
  // The silence was long enough for the connections to be given up, or it was not.
  if (chance.fraction() < 0.5) for (const link of cluster.peerLinks.values()) link.cut()
  for (const end of ends) end()
}

type Links = readonly Cluster['clientLinks'][number][]

async function onLinks(
  { chance, sleep, tell }: Scene,
  links: Links,
  weather: (chance: Chance) => Partial<Weather>,
): Promise<void> {
  const ends: (() => void)[] = []
  for (const link of links) {
    const drawn = weather(chance)
    ends.push(link.suffer('there', drawn), link.suffer('back', drawn))
    tell(`${JSON.stringify(drawn)} on ${link.name}`)
  }
  await sleep(between(chance, 500, 4000))
  for (const end of ends) end()
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
