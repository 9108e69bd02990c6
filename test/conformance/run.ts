/**
 * Asks Consul and Praetor the same questions and compares their answers: `npm run test:consul`.
 *
 * The options of peer-options.ts, of which `--only` takes whole families of steps and prints only the steps that it names, and
 *
 *     --server            both with a data directory, as they run in production, instead of -dev
 *     --client            ask a client of each, with a server behind it
 *     --behind COMMAND    the server behind the subject's client (default: the subject itself)
 *
 * Exits with 1 if anything differs that `explained.ts` does not name.
 */
import { parseArgs } from 'node:util'

import { compare } from './comparison.ts'
import { peerOptions, peerPair } from './peer-options.ts'
import { type Peer, type Program, startClient, startPeer } from './peer.ts'

const { values: options } = parseArgs({
  options: {
    ...peerOptions(22_010),
    server: { type: 'boolean', default: false },
    client: { type: 'boolean', default: false },
    behind: { type: 'string', default: '' },
  },
})

const pair = peerPair(options)
const behind: Program =
  options.behind === ''
    ? pair.subject
    : { label: 'another behind it', command: options.behind.split(' ') }
const began = performance.now()

await using stack = new AsyncDisposableStack()
const [oracle, subject] = await start()
stack.use(oracle)
stack.use(subject)

const counts = (await compare(oracle, [subject], options)).get(subject)
const seconds = ((performance.now() - began) / 1000).toFixed(1)
console.log(
  `${counts?.steps} steps in ${seconds} s: ${counts?.unexplained} differences, ${counts?.explained} explained`,
)
process.exitCode = counts?.unexplained === 0 ? 0 : 1

function start(): Promise<[Peer, Peer]> {
  if (options.client)
    return Promise.all([
      startClient(pair.oracle, pair.oracle, pair.oraclePort),
      startClient(pair.subject, behind, pair.subjectPort),
    ])
  const mode = options.server ? 'server' : 'dev'
  return Promise.all([
    startPeer(pair.oracle, pair.oraclePort, mode),
    startPeer(pair.subject, pair.subjectPort, mode),
  ])
}
