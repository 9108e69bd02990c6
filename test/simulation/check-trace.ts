import { judgeStreams, readStream } from './streams.ts'

/**
 * Judges servers by what they wrote down, a file each: `npm run sim:trace -- 1.jsonl 2.jsonl 3.jsonl`. An agent writes such a file
 * where the environment variable PRAETOR_RAFT_TRACE names one. All servers of a cluster must have written from its beginning.
 */
const paths = process.argv.slice(2)
const { accepted, refusal } = judgeStreams(paths.map(readStream))
console.log(`${accepted} events of ${paths.length} servers are as Raft allows`)
if (refusal !== null) {
  process.exitCode = 1
  console.log(`and the next is not: ${refusal}`)
}
