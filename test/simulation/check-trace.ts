import { readFile } from 'node:fs/promises'

import { decodeStream, judgeStreams } from './streams.ts'

/**
 * Judges servers by what they wrote down, a file each: `npm run sim:trace -- 1.jsonl 2.jsonl 3.jsonl`. A server writes such a file
 * when its driver is given `trace: (traced) => file.write(JSON.stringify(traceEvent(id, traced)) + '\n')`.
 */
const paths = process.argv.slice(2)
const streams = await Promise.all(
  paths.map(async (path) => decodeStream(await readFile(path, 'utf8'))),
)
const { accepted, refusal } = judgeStreams(streams)
console.log(`${accepted} events of ${streams.length} servers are as Raft allows`)
if (refusal !== null) {
  process.exitCode = 1
  console.log(`and the next is not: ${refusal}`)
}
