import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { seededChance } from '../../server/runtime/chance.ts'
import { type AgentProcess, startAgentProcess } from '../support/agent-process.ts'

/** How often the process is killed; `KILLS=50` is the long form. */
const kills = Number(process.env['KILLS'] ?? 4)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

async function dataDirectory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

const server = (dataDir: string): readonly string[] => [
  '-server',
  '-bootstrap-expect=1',
  `-data-dir=${dataDir}`,
  '-node=n1',
  '-log-level=warn',
]

/** Writers that go on until their server dies, right after so many acknowledgements, and remember what it acknowledged. */
async function writeUntilKilled(
  agent: AgentProcess,
  round: number,
  killAfter: number,
  acknowledged: Map<string, string>,
): Promise<void> {
  let left = killAfter
  const writer = async (id: number): Promise<void> => {
    for (let count = 0; ; count += 1) {
      const [key, value] = [`${round}/${id}/${count % 50}`, `${round}-${id}-${count}`]
      const answer = await agent.ask('PUT', `/kv/${key}`, value).catch(() => undefined)
      if (answer === undefined) return
      if (answer.status === 200) {
        acknowledged.set(key, value)
        left -= 1
      }
      if (left <= 0) agent.child.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, id) => writer(id)))
}

t.test(`nothing acknowledged is lost by kill -9, ${kills} times, seed ${seed}`, async (t) => {
  t.setTimeout(kills * 10_000 + 30_000)
  const chance = seededChance(seed)
  const dataDir = await dataDirectory(t)
  const acknowledged = new Map<string, string>()
  for (let round = 0; round < kills; round += 1) {
    await using agent = await startAgentProcess({ args: server(dataDir) })
    await agent.untilLeading()
    await writeUntilKilled(agent, round, 50 + Math.floor(chance.fraction() * 1000), acknowledged)
  }
  await using agent = await startAgentProcess({ args: server(dataDir) })
  await agent.untilLeading()
  const { text } = await agent.ask('GET', '/kv/?recurse')
  const found = new Map(
    (JSON.parse(text) as { Key: string; Value: string | null }[]).map(({ Key, Value }) => [
      Key,
      Buffer.from(Value ?? '', 'base64').toString(),
    ]),
  )
  const count = (value: string): number => Number(value.split('-')[2])
  const lost = [...acknowledged].filter(([key, value]) => {
    const there = found.get(key)
    // A later write to the same key may have become durable without its acknowledgement getting out.
    return there === undefined || count(there) < count(value)
  })
  t.ok(acknowledged.size > 100, `${acknowledged.size} keys were acknowledged`)
  t.strictSame(lost, [])
})

t.test('a log with a flipped byte in the middle is refused, with file and offset', async (t) => {
  const dataDir = await dataDirectory(t)
  const segment = await fillLog(dataDir)
  const bytes = await readFile(segment)
  const middle = bytes.indexOf('value-20')
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x01
  await writeFile(segment, bytes)
  await using agent = await startAgentProcess({ args: server(dataDir) })
  t.equal(await agent.exited, 1)
  t.match(agent.output(), /==> Error starting agent: .*\.wal is damaged at offset \d+/)
})

t.test('a torn last batch is cut off, and the rest is there', async (t) => {
  const dataDir = await dataDirectory(t)
  const segment = await fillLog(dataDir)
  const bytes = await readFile(segment)
  const last = bytes.lastIndexOf('value-39')
  bytes.fill(0, last - 16, last + 8)
  await writeFile(segment, bytes)
  await using agent = await startAgentProcess({ args: server(dataDir) })
  await agent.untilLeading()
  t.equal((await agent.ask('GET', '/kv/key-38?raw')).text, 'value-38')
  t.equal((await agent.ask('GET', '/kv/key-39')).status, 404)
})

t.test('a log of another node is refused in one sentence', async (t) => {
  const dataDir = await dataDirectory(t)
  await fillLog(dataDir)
  await writeFile(join(dataDir, 'node-id'), '11111111-2222-4333-8444-555555555555')
  await using agent = await startAgentProcess({ args: server(dataDir) })
  t.equal(await agent.exited, 1)
  t.match(
    agent.output(),
    /==> Error starting agent: the log in .* belongs to server .*, and this is server 11111111/,
  )
})

t.test('two agents can not share a data directory', async (t) => {
  const dataDir = await dataDirectory(t)
  await using first = await startAgentProcess({ args: server(dataDir) })
  await first.untilLeading()
  await using second = await startAgentProcess({ args: server(dataDir) })
  t.equal(await second.exited, 1)
  t.match(second.output(), /==> Error starting agent: [^\n]*in use by another agent/)
})

/** Runs a server over forty writes, kills it, and gives the path of the segment that holds them. */
async function fillLog(dataDir: string): Promise<string> {
  await using agent = await startAgentProcess({ args: server(dataDir) })
  await agent.untilLeading()
  for (let count = 0; count < 40; count += 1)
    await agent.ask('PUT', `/kv/key-${count}`, `value-${count}`)
  agent.child.kill('SIGKILL')
  await agent.exited
  const directory = join(dataDir, 'raft', 'wal')
  const [first] = (await readdir(directory)).filter((name) => name.endsWith('.wal')).toSorted()
  return join(directory, first ?? '')
}
