import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import t, { type Test } from 'tap'

import { type AgentProcess, startAgentProcess } from '../support/agent-process.ts'
import type { DiskRule } from '../support/faulty-disk.ts'
import { patienceMs, threeServers, until } from '../support/server-set.ts'

t.jobs = 3

/** The rules of one process's disk, which may change while it runs. */
class FaultyDisk {
  readonly env: Readonly<Record<string, string>>
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    const preload = pathToFileURL(join(import.meta.dirname, '../support/faulty-disk.ts')).href
    this.env = { FAULTY_DISK: path, NODE_OPTIONS: `--import=${preload}` }
  }

  /** From the next call on. */
  async set(...rules: readonly DiskRule[]): Promise<void> {
    await writeFile(`${this.#path}.new`, JSON.stringify(rules))
    await rename(`${this.#path}.new`, this.#path)
  }
}

async function faultyDisks(t: Test, count: number): Promise<FaultyDisk[]> {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-disk-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const disks = Array.from({ length: count }, (_, at) => new FaultyDisk(join(directory, `${at}`)))
  for (const disk of disks) await disk.set()
  return disks
}

/** Three servers with faulty disks, and writers that never rest. */
class Servers implements AsyncDisposable {
  readonly running: AgentProcess[] = []
  readonly disks: readonly FaultyDisk[]
  readonly #start: (at: number) => Promise<AgentProcess>
  readonly #addressOf: (at: number) => string
  readonly dataDir: (at: number) => string
  readonly #acknowledged = new Map<string, number>()
  /** What servers that were up answered beside that it is done. */
  readonly refusals: string[] = []
  #writes = 0
  #isOver = false
  #writers: Promise<unknown> = Promise.resolve()

  static async open(t: Test, hcl: string): Promise<Servers> {
    const disks = await faultyDisks(t, 3)
    const set = await threeServers(t, {
      // The one whose disk failed comes back as the voter that it was.
      hcl: `autopilot { cleanup_dead_servers = false } ${hcl}`,
      env: (at) => disks[at]?.env ?? {},
    })
    const servers = new Servers(disks, set)
    for (const at of [0, 1, 2]) servers.running.push(await set.start(at))
    await Promise.all(servers.running.map((server) => server.untilLeading()))
    servers.#writers = Promise.all([0, 1, 2, 3].map((writer) => servers.#write(writer)))
    return servers
  }

  private constructor(disks: readonly FaultyDisk[], set: Awaited<ReturnType<typeof threeServers>>) {
    this.disks = disks
    this.#start = (at) => set.start(at)
    this.#addressOf = set.addressOf
    this.dataDir = set.dataDir
  }

  server(at: number): AgentProcess {
    const server = this.running[at]
    if (server === undefined) throw new Error(`there is no server ${at}`)
    return server
  }

  disk(at: number): FaultyDisk {
    const disk = this.disks[at]
    if (disk === undefined) throw new Error(`there is no disk ${at}`)
    return disk
  }

  others(at: number): number[] {
    return [0, 1, 2].filter((other) => other !== at)
  }

  /** Whom a server takes for the leader; waits until there is one, and not `but`. */
  async leader(asked = 0, but = -1): Promise<number> {
    const address = await until(
      async () =>
        JSON.parse((await this.server(asked).ask('GET', '/status/leader')).text) as string,
      (found) => found !== '' && found !== this.#addressOf(but),
    )
    return [0, 1, 2].findIndex((at) => this.#addressOf(at) === address)
  }

  async follower(): Promise<number> {
    const leader = await this.leader()
    return (leader + 1) % 3
  }

  async stop(at: number): Promise<void> {
    this.server(at).child.kill('SIGTERM')
    await this.server(at).exited
  }

  async restart(at: number): Promise<void> {
    this.running[at] = await this.#start(at)
    await this.server(at).untilLeading()
  }

  /** Resolves once so many writes more were acknowledged. */
  async writes(count: number): Promise<void> {
    const enough = this.#writes + count
    await until(
      () => this.#writes,
      (writes) => writes >= enough,
    )
  }

  /** Until the server has what the others have acknowledged by now. */
  async catchesUp(at: number): Promise<void> {
    const mark = `mark ${this.#writes}`
    const [other = 0] = this.others(at)
    await until(
      () => this.server(other).ask('PUT', '/kv/mark', mark),
      ({ status }) => status === 200,
    )
    await until(
      () => this.server(at).ask('GET', '/kv/mark?raw&stale'),
      ({ text }) => text === mark,
    )
  }

  /** Makes the log so much longer. One value is as large as may be. */
  async fill(bytes: number, through: number): Promise<void> {
    const value = 'x'.repeat(400_000)
    for (let filled = 0; filled < bytes; filled += value.length) {
      // A busy machine may cost a leader its office; the same write again does no harm.
      await until(
        () => this.server(through).ask('PUT', '/kv/big', value),
        ({ status }) => status === 200,
      )
    }
  }

  said(at: number, pattern: RegExp): Promise<string> {
    return until(
      () => this.server(at).output(),
      (output) => pattern.test(output),
    )
  }

  async lastLogIndex(at: number): Promise<number> {
    const { text } = await this.server(at).ask('GET', '/agent/self')
    const { Stats } = JSON.parse(text) as { Stats: { raft: { last_log_index: string } } }
    return Number(Stats.raft.last_log_index)
  }

  async metric(at: number, name: string): Promise<number> {
    const { text } = await this.server(at).ask('GET', '/agent/metrics?format=prometheus')
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  }

  /** Ends the writing, and gives what was acknowledged and is not there, on any server. */
  async lost(): Promise<string[]> {
    this.#isOver = true
    await this.#writers
    const lost: string[] = []
    for (const at of [0, 1, 2]) {
      await this.catchesUp(at)
      const { text } = await this.server(at).ask('GET', '/kv/w/?recurse&stale')
      const found = new Map(
        (JSON.parse(text) as { Key: string; Value: string }[]).map(({ Key, Value }) => [
          Key,
          Number(Buffer.from(Value, 'base64').toString()),
        ]),
      )
      for (const [key, count] of this.#acknowledged)
        // A later write may have been done without its acknowledgement getting out.
        if ((found.get(key) ?? -1) < count) lost.push(`${key}=${count} on server ${at}`)
    }
    return lost
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    for (const server of this.running) await server[Symbol.asyncDispose]()
    await this.#writers
  }

  /** Goes on with another server where one does not answer. */
  async #write(writer: number): Promise<void> {
    for (let count = 0, at = writer % 3; !this.#isOver; count += 1) {
      const key = `w/${writer}/${count % 20}`
      const answer = await this.server(at)
        .ask('PUT', `/kv/${key}`, String(count))
        .catch(() => undefined)
      if (answer?.status === 200) {
        this.#acknowledged.set(key, count)
        this.#writes += 1
      } else {
        if (answer !== undefined) this.refusals.push(`${answer.status} ${answer.text}`)
        at = (at + 1) % 3
      }
      // Two cores have three servers to run.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

const wal = '/raft/wal/\\d+\\.wal$'

t.test(
  'a server whose disk refuses a write ends at once, and the others carry on',
  { buffered: true },
  async (t) => {
    t.setTimeout(4 * patienceMs)
    await using servers = await Servers.open(t, 'raft_snapshot_threshold = 100')
    const rows = [
      {
        role: 'leader',
        rule: { call: 'sync', path: wal, error: 'EIO' },
        reason: 'i/o error (EIO)',
      },
      {
        role: 'follower',
        rule: { call: 'sync', path: wal, error: 'EIO' },
        reason: 'i/o error (EIO)',
      },
      {
        // As file systems have it that write everything to a new place.
        role: 'follower',
        rule: { call: 'write', path: wal, error: 'ENOSPC' },
        reason: 'no space left on device (ENOSPC)',
      },
    ] as const
    for (const { role, rule, reason } of rows) {
      const at = role === 'leader' ? await servers.leader() : await servers.follower()
      const failing = servers.server(at)
      await servers.disk(at).set(rule)
      t.equal(await failing.exited, 1, `the ${role} ends`)
      const deed = rule.call === 'sync' ? 'sync' : 'write to'
      const file = join(servers.dataDir(at), 'raft/wal/0000000001.wal')
      const remedy =
        rule.error === 'EIO'
          ? "See to the disk (the kernel's log says more)"
          : 'Make room on the disk'
      const message = `cannot ${deed} ${file}: ${reason}. Nothing that this server acknowledged is lost, and it stops before it acknowledges what might be. ${remedy}, then start it again`
      const lines = failing.output().split('\n')
      t.strictSame(
        lines
          .filter((line) => line.includes('cannot'))
          .map((line) => line.replace(/^.*(?=\[ERROR\])/, '')),
        [`[ERROR] agent.server.raft: ${message}`, `==> Praetor can not go on: ${message}`],
      )
      t.notOk(
        lines.some((line) => line.startsWith('    at ')),
        'no stack',
      )
      const [other = 0] = servers.others(at)
      t.not(await servers.leader(other, at), at)
      await servers.writes(50)
      await servers.disk(at).set()
      await servers.restart(at)
      await servers.catchesUp(at)
    }

    // A snapshot may wait, so one that finds the disk full is no reason to end.
    const at = await servers.follower()
    const directory = join(servers.dataDir(at), 'raft/snapshots')
    await servers.disk(at).set({ call: 'grow', path: '/raft/snapshots/', error: 'ENOSPC' })
    await servers.said(
      at,
      /\[ERROR\] agent\.server\.raft: failed to take snapshot: nothing is lost, but the log grows until one is taken: error="cannot write to \S+\/unfinished-\d+: no space left on device \(ENOSPC\)\. Make room on the disk" retry_ms=5000/,
    )
    t.strictSame(
      (await readdir(directory)).filter((name) => !name.endsWith('.snapshot')),
      [],
      'nothing of it is left',
    )
    await servers.catchesUp(at)
    await servers.disk(at).set()
    await servers.said(at, /failed to take snapshot(?:.|\n)*snapshot complete/)
    t.strictSame(await servers.lost(), [])
  },
)

t.test('a disk that is slow or full slows and stops nobody else', { buffered: true }, async (t) => {
  t.setTimeout(4 * patienceMs)
  await using servers = await Servers.open(
    t,
    'telemetry { prometheus_retention_time = "60s" disable_hostname = true }',
  )

  t.comment('a follower whose disk does not answer')
  const stuck = await servers.follower()
  const last = await servers.lastLogIndex(stuck)
  await servers.disk(stuck).set({ call: 'sync', path: wal, held: true })
  await servers.said(
    stuck,
    /\[WARN\]  agent\.server\.raft: the disk does not answer: .*: file=\S+\/0000000001\.wal waiting_ms=\d+/,
  )
  await servers.writes(50)
  t.ok((await servers.lastLogIndex(await servers.leader())) >= last + 50)
  await servers.disk(stuck).set()
  await servers.said(
    stuck,
    /\[WARN\]  agent\.server\.raft: the disk is slow: .*: file=\S+\/0000000001\.wal took_ms=\d+ slow_syncs=1/,
  )
  t.ok((await servers.metric(stuck, 'consul_raft_disk_slow')) > 0)
  await servers.catchesUp(stuck)

  t.comment('a leader whose disk is slow')
  const slow = await servers.leader()
  await servers.disk(slow).set({ call: 'sync', path: wal, delayMs: 200 })
  await servers.writes(50)
  await servers.said(slow, /\[WARN\]  agent\.server\.raft: the disk is slow: /)
  t.ok((await servers.metric(slow, 'consul_raft_disk_slow')) > 0)
  t.equal(await servers.leader(), slow, 'it can lead, for the others can sync')
  await servers.disk(slow).set()

  t.comment('a leader whose disk is full')
  const full = await servers.leader()
  await servers.disk(full).set({ call: 'grow', path: '/raft/wal/spare-', error: 'ENOSPC' })
  await servers.fill(10_000_000, full)
  await servers.said(
    full,
    /\[ERROR\] agent\.server\.raft: the disk is full: make room on it, .*: error="cannot write to \S+\/spare-\d+\.tmp: no space left on device \(ENOSPC\)"/,
  )
  await servers.said(
    full,
    /\[WARN\]  agent\.leader: the disk is full or does not keep up: handing leadership over/,
  )
  const [other = 0] = servers.others(full)
  const next = await servers.leader(other, full)
  await servers.writes(50)
  t.strictSame(
    servers.refusals.filter((refusal) => refusal.includes('disk')),
    [],
    'no client was told of it',
  )
  t.ok((await servers.lastLogIndex(full)) < (await servers.lastLogIndex(next)), 'it takes no more')
  await servers.stop(full)
  await servers.restart(full)
  await servers.said(full, /the disk is full: make room on it/)
  await servers.writes(50)
  await servers.disk(full).set()
  await servers.said(full, /the disk has room for the raft log again/)
  await servers.catchesUp(full)

  t.comment('a leader whose disk does not answer')
  const hung = await servers.leader()
  await servers.disk(hung).set({ call: 'sync', path: wal, held: true })
  await servers.writes(50)
  await servers.said(
    hung,
    /\[WARN\]  agent\.leader: the disk has not answered for \d+ ms: handing leadership over/,
  )
  t.not(await servers.leader(servers.others(hung)[0], hung), hung)
  await servers.writes(50)
  await servers.disk(hung).set()
  await servers.catchesUp(hung)
  t.strictSame(await servers.lost(), [])
})

t.test('a disk that refuses the start is told of in one line', { buffered: true }, async (t) => {
  t.setTimeout(2 * patienceMs)
  const [disk] = await faultyDisks(t, 1)
  if (disk === undefined) throw new Error('there is one')
  const parent = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  const dataDir = join(parent, 'data')
  const start = (): Promise<AgentProcess> =>
    startAgentProcess({
      args: ['-server', '-bootstrap', `-data-dir=${dataDir}`, '-node=n1'],
      env: disk.env,
    })
  const refusals: readonly (readonly [DiskRule, string])[] = [
    [
      { call: 'open', path: '/data', error: 'EROFS' },
      "Failed to setup node ID: cannot make DATA: read-only file system (EROFS). Make the file system writable (the kernel's log says why it is not)",
    ],
    [
      { call: 'grow', path: '/node-id', error: 'ENOSPC' },
      'Failed to setup node ID: cannot write to DATA/node-id.tmp: no space left on device (ENOSPC). Make room on the disk',
    ],
    [
      { call: 'sync', path: '/cluster-id', error: 'EIO' },
      "Failed to open the data directory: cannot sync DATA/raft/cluster-id.tmp: i/o error (EIO). See to the disk (the kernel's log says more), then start the agent again",
    ],
    [
      { call: 'grow', path: '/wal/', error: 'ENOSPC' },
      'Failed to open the data directory: cannot write to DATA/raft/wal/spare-1.tmp: no space left on device (ENOSPC). Make room on the disk, then start the agent again',
    ],
  ]
  const refused = async (rule: DiskRule, message: string): Promise<void> => {
    await disk.set(rule)
    await using agent = await start()
    t.equal(await agent.exited, 1)
    t.match(agent.output(), `==> Error starting agent: ${message.replaceAll('DATA', dataDir)}\n`)
    t.notMatch(agent.output(), /\n {4}at /, 'no stack')
  }
  for (const [rule, message] of refusals) await refused(rule, message)

  await disk.set()
  {
    await using agent = await start()
    await agent.untilLeading()
    t.equal((await agent.ask('PUT', '/kv/a', 'kept')).status, 200)
  }
  await refused(
    { call: 'open', path: '/data', error: 'EROFS' },
    "Failed to open the data directory: cannot open DATA/raft/wal/0000000001.wal: read-only file system (EROFS). Make the file system writable (the kernel's log says why it is not), then start the agent again",
  )

  t.comment('a log that has room goes on, and what has none is refused')
  await disk.set({ call: 'grow', path: '/data', error: 'ENOSPC' })
  await using agent = await start()
  await agent.untilLeading()
  t.equal((await agent.ask('GET', '/kv/a?raw')).text, 'kept')
  t.equal((await agent.ask('PUT', '/kv/a', 'changed')).status, 200)
  t.match(await agent.ask('PUT', '/agent/service/register', '{"Name":"web"}'), {
    status: 500,
    text: /^cannot write \S+\/services\/[0-9a-f]{32}: no space left on device \(ENOSPC\)$/,
  })
  t.equal((await agent.ask('GET', '/agent/services')).text, '{}')
})
