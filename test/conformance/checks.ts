/**
 * Has Consul and Praetor run the same checks of the same things, and compares what they say came of them.
 *
 * The options are those of peer-options.ts.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import {
  dockerTarget,
  grpcTarget,
  httpTarget,
  httpsTarget,
  tcpTarget,
} from '../support/check-targets.ts'
import { trustedIdentity } from '../support/trusted-identity.ts'
import { checkCases, refusedCases } from './check-cases.ts'
import type { CheckCase } from './check-cases.ts'
import { exchange } from './exchange.ts'
import { peerOptions, peerPair } from './peer-options.ts'
import { startPeer } from './peer.ts'
import type { Peer, Program } from './peer.ts'

const { values: options } = parseArgs({
  options: peerOptions(27_110),
})

const fixtures = join(import.meta.dirname, '../server/raft/transport/fixtures')
const identity = {
  key: readFileSync(join(fixtures, 'ours-key.pem'), 'utf8'),
  cert: readFileSync(join(fixtures, 'ours-certificate.pem'), 'utf8'),
}
const directory = await mkdtemp(join(tmpdir(), 'checks-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rm(directory, { recursive: true }))
const dockerSocket = join(directory, 'docker.sock')
stack.use(await dockerTarget(dockerSocket))
process.env['DOCKER_HOST'] = `unix://${dockerSocket}`
const trusted = trustedIdentity()
process.env['SSL_CERT_FILE'] = join(directory, 'store.pem')
delete process.env['SSL_CERT_DIR']
await writeFile(process.env['SSL_CERT_FILE'], trusted.cert)
const at = async (target: Promise<{ port: number } & AsyncDisposable>): Promise<string> =>
  `127.0.0.1:${stack.use(await target).port}`
const cases = checkCases({
  http: await at(httpTarget()),
  https: await at(httpsTarget(identity)),
  house: await at(httpsTarget(trusted)),
  tcp: await at(tcpTarget('hello, this is no HTTP\r\n')),
  grpc: await at(grpcTarget()),
  grpcs: await at(grpcTarget(identity)),
})

const { oracle, subject, oraclePort, subjectPort } = peerPair(options)
const start = async (program: Program, firstPort: number): Promise<Peer> =>
  stack.use(await startPeer({ ...program, flags: ['-enable-script-checks'] }, firstPort, 'dev'))
const peers = await Promise.all([start(oracle, oraclePort), start(subject, subjectPort)])

/** Go's client says so, or doesn't, by which of its halves notices first; so does gRPC's. */
const refused = 'net/http: HTTP/1.x transport connection broken: '

let differences = 0
const isAsked = ([name]: CheckCase): boolean => name.includes(options.only)
await compare(refusedCases.filter(isAsked), async (peer, asked) => {
  const answers = new Map<string, string>()
  for (const each of asked) answers.set(each[0], await register(peer, each))
  return answers
})
await compare(cases.filter(isAsked), outcomes)
console.log(`${differences} differences`)
process.exitCode = differences === 0 ? 0 : 1

async function compare(
  asked: readonly CheckCase[],
  ask: (peer: Peer, asked: readonly CheckCase[]) => Promise<ReadonlyMap<string, string>>,
): Promise<void> {
  const [expected, actual] = await Promise.all(peers.map((peer) => ask(peer, asked)))
  for (const [name] of asked) {
    const [wanted, got] = [expected?.get(name), actual?.get(name)]
    if (options.show) console.log(`${name}\n    ${wanted}`)
    if (wanted === got) continue
    differences += 1
    console.log(`${name}\n  - ${wanted}\n  + ${got}`)
  }
}

async function register(peer: Peer, [name, definition]: CheckCase): Promise<string> {
  const answer = await exchange(peer.ports.http, {
    method: 'PUT',
    path: '/v1/agent/check/register',
    body: JSON.stringify({ ID: name, Name: name, ...definition }),
  })
  return `${answer.status} ${answer.body.toString()}`
}

/** Registers all with an interval that lets the first run come soon, and waits for each to have been run once. */
async function outcomes(
  peer: Peer,
  asked: readonly CheckCase[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const waiting = new Set<string>()
  for (const [name, definition] of asked) {
    const answer = await register(peer, [name, { ...definition, Interval: '1s' }])
    if (answer === '200 ') waiting.add(name)
    else found.set(name, answer)
  }
  await sleep(6000)
  const { body } = await exchange(peer.ports.http, { method: 'GET', path: '/v1/agent/checks' })
  const checks = JSON.parse(body.toString()) as Record<
    string,
    { Type: string; Status: string; Output: string }
  >
  for (const name of waiting) {
    const { Type, Status, Output } = checks[name] ?? { Type: '', Status: '', Output: '' }
    found.set(name, JSON.stringify([Type, Status, steady(Output)]))
  }
  return found
}

/** Without what is chance. */
function steady(output: string): string {
  return output
    .replace(refused, '')
    .replace(/(malformed HTTP response ").*/, '$1…"')
    .replace(/(write tcp .* use of closed network connection)$/, 'connection closed')
}
