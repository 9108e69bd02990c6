/**
 * Runs Consul's commands and ours and compares what they print and how they end: `npm run test:consul`. Both ask agents of one
 * program, each its own, so that a difference is the command's; first Consul's agents, then Praetor's.
 *
 * The options are those of peer-options.ts; with `--only`, the invocations that it doesn't name are run all the same.
 *
 * Exits with 1 if anything differs that no case explains.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { describeArtifact } from './artifact.ts'
import { cases, encryptedCases, files, registrations } from './cli-cases.ts'
import type { Invocation } from './cli-cases.ts'
import { fileCases } from './cli-file-cases.ts'
import { flagCases } from './cli-flag-cases.ts'
import { printDifference } from './difference.ts'
import { exchange } from './exchange.ts'
import { mask } from './mask.ts'
import { peerOptions, peerPair } from './peer-options.ts'
import { nodeName, startPeer } from './peer.ts'
import type { Peer, Program } from './peer.ts'

const { values: options } = parseArgs({
  options: peerOptions(22_020),
})

const invocationMs = 30_000
/** A node tells where it stands half a minute after its start at most. */
const placedMs = 60_000
const { oracle, subject, oraclePort, subjectPort } = peerPair(options)
const counts = { invocations: 0, explained: 0, unexplained: 0 }

const suites = [
  {
    flags: ['-hcl=disable_remote_exec=false'],
    cases: [...(await flagCases()), ...fileCases, ...cases],
  },
  { flags: ['-encrypt=pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s='], cases: encryptedCases },
]

for (const { flags, cases } of suites)
  for (const program of [oracle, subject]) {
    console.log(`agents: ${program.label} ${flags.join(' ')}`)
    const agent = { ...program, flags }
    await using stack = new AsyncDisposableStack()
    const [theirs, ours] = await Promise.all([
      startSide(oracle, agent, oraclePort),
      startSide(subject, agent, subjectPort),
    ])
    stack.use(theirs)
    stack.use(ours)
    for (const one of cases) await compare(one, theirs, ours)
  }
const { invocations, explained, unexplained } = counts
console.log(`${invocations} invocations, ${explained} explained differences, ${unexplained} others`)
process.exitCode = unexplained === 0 ? 0 : 1

/** A command line, the agent it asks and the directory it works in. */
interface Side extends AsyncDisposable {
  readonly program: Program
  readonly peer: Peer
  readonly directory: string
}

async function startSide(program: Program, agent: Program, firstPort: number): Promise<Side> {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-cli-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  const peer = await startPeer(agent, firstPort, 'dev')
  await putState(peer)
  return {
    program,
    peer,
    directory,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** What commands find when they look, that no command makes. */
async function putState({ ports }: Peer): Promise<void> {
  const put = (path: string, body: object): Promise<unknown> =>
    exchange(ports.http, { method: 'PUT', path, body: JSON.stringify(body) })
  for (const registration of registrations) await put('/v1/catalog/register', registration)
  const deadline = Date.now() + placedMs
  const path = '/v1/coordinate/nodes'
  while (!(await exchange(ports.http, { method: 'GET', path })).body.includes(nodeName)) {
    if (Date.now() > deadline) throw new Error('the node never told where it stands')
    await sleep(200)
  }
}

async function compare(one: Invocation, theirs: Side, ours: Side): Promise<void> {
  const [expected, actual] = await Promise.all([invoke(one, theirs), invoke(one, ours)])
  const title = one.args.join(' ') || Object.values(one.env ?? {}).join(' ')
  counts.invocations += 1
  const isShown = title.includes(options.only)
  if (options.show && isShown) console.log(title, Object.fromEntries(expected))
  for (const [part, text] of expected) {
    if (actual.get(part) === text) continue
    counts[one.explained === undefined ? 'unexplained' : 'explained'] += 1
    const explanation = one.explained
    if (!isShown || explanation !== undefined) continue
    const difference = { step: title, part, expected: text, actual: actual.get(part) }
    console.log(`${title}\n${printDifference({ ...difference, explanation: undefined })}`)
  }
}

async function invoke(one: Invocation, side: Side): Promise<ReadonlyMap<string, string>> {
  const [program = '', ...before] = side.program.command
  const child = spawn(program, [...before, ...one.args], {
    cwd: side.directory,
    env: {
      PATH: process.env['PATH'],
      SHELL: '/bin/sh',
      CONSUL_HTTP_ADDR: `127.0.0.1:${side.peer.ports.http}`,
      ...one.env,
    },
  })
  const late = setTimeout(() => child.kill('SIGKILL'), invocationMs)
  child.stdin.on('error', () => undefined)
  child.stdin.end(one.stdin ?? '')
  let interrupted = false
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk.toString('latin1')
      if (interrupted || one.until?.test(said[name]) !== true) return
      interrupted = true
      child.kill('SIGINT')
    })
  const code = await new Promise<string>((resolve) => {
    child.once('close', (status, signal) => resolve(String(status ?? signal)))
  })
  clearTimeout(late)
  const plain = (whole: string): string => {
    const text = one.ignored === undefined ? whole : whole.replace(one.ignored, '')
    const tidied = tidy(mask(outline(text), side.peer))
    return one.sorted === true ? tidied.split('\n').toSorted().join('\n') : tidied
  }
  const made = (one.files ?? []).map((path) => describeArtifact(join(side.directory, path)))
  return new Map([
    ['code', code],
    ['stdout', plain(said.stdout)],
    ['stderr', plain(said.stderr)],
    ['files', tidy((await Promise.all(made)).join('\n'))],
  ])
}

/** What differs from run to run. */
function tidy(text: string): string {
  return (
    text
      .replace(
        /((?:Create|Modify)Index +|index |got |ID +\d+-|Size +|Index +|pid )\d+(-\d+)?/g,
        '$1#',
      )
      .replace(/\.tmp\d+/g, '')
      // Consul's default has the time in it that it is at; ours is told in the flag's sentence.
      .replace(/^ *\(default "consul-debug-\d+"\)\n/gm, '')
      .replace(/^.* \[ERROR\] watch/gm, '<time> [ERROR] watch')
  )
}

/** Help without its sentences, which are everyone's own: flags, their kinds, what they are at first, and the subcommands. */
function outline(text: string): string {
  const at = text.search(/^Usage:/m)
  if (at < 0) return text
  const lines = text.slice(at).split('\n')
  const [usage = ''] = lines
  const isTitle = (line: string): boolean =>
    /^(HTTP API|Command) Options$|^Subcommands:$/.test(line)
  const first = lines.findIndex((line, at) => isTitle(line) || (at === 1 && line.startsWith('  -')))
  const kept = lines.slice(first < 0 ? lines.length : first).flatMap((line) => {
    if (/^ {2}-/.test(line) || isTitle(line)) return [line]
    const initial = /\(default .*\)$/.exec(line)?.[0]
    const name = /^ {4}([a-z-]+) {4}/.exec(line)?.[1]
    return initial ?? name ?? []
  })
  return [text.slice(0, at) + usage.replace('consul', 'praetor'), ...kept].join('\n')
}
