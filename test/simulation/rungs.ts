import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

import type { Mutation, Rung } from './mutations.ts'
import type { Level } from './plan.ts'

/** The seeds of a usual run. */
export const seedsMax: Readonly<Record<Level, number>> = { core: 3000, driver: 500 }

const scripts = 'test/server/raft/core/traces.test.ts'
const checklist = 'test/server/raft/core/paper.test.ts'
/** It is a simulator too. */
const storm = 'test/server/raft/core/storm.test.ts'

/** Has a rung look at the sources in a directory, and says what it found to be wrong there; null if nothing. */
export async function climb(root: string, rung: Rung, mutation: Mutation): Promise<string | null> {
  switch (rung) {
    case 'scripts':
      return await test(root, scripts)
    case 'checklist':
      return await test(root, checklist)
    case 'traps':
      return await testAll(root, mutation)
    case 'explorer':
      return await test(root, 'test/simulation/exploration.test.ts')
    case 'specification':
      return await test(root, 'test/simulation/specification.test.ts')
    case 'simulator':
      return await simulate(root, mutation.level)
    default:
      return rung satisfies never
  }
}

/** The named tests of what is in the mutation's room. */
async function testAll(root: string, { file }: Mutation): Promise<string | null> {
  const names = await Array.fromAsync(glob(`test/${dirname(file)}/*.test.ts`, { cwd: root }))
  // Those of the file itself first.
  const own = basename(file, '.ts')
  const order = names
    .filter((name) => ![scripts, checklist, storm].includes(name))
    .toSorted((a, b) => Number(b.includes(own)) - Number(a.includes(own)) || (a < b ? -1 : 1))
  for (const name of order) {
    const found = await test(root, name)
    if (found !== null) return found
  }
  return null
}

const testMs = 120_000

async function test(root: string, path: string): Promise<string | null> {
  const { isDone, output } = await run(root, [path], testMs)
  if (isDone) return null
  const failed = /^not ok \d+ - (.+?)(?: # time.*)?$/m.exec(output)?.[1]
  const violation = /"text": "([^"]+)"|^\s*\+?\s*text: "?([^"\n]+)/m.exec(output)
  const why = violation?.[1] ?? violation?.[2]
  const name = failed ?? `ends with: ${output.trim().split('\n').at(-1)}`
  return `${basename(path, '.test.ts')}: ${name}${why === undefined ? '' : ` (${why})`}`
}

async function simulate(root: string, level: Level): Promise<string | null> {
  const seeds = ['--level', level, '--from', '1', '--count', String(seedsMax[level]), '--brief']
  const { output } = await run(root, [join('test/simulation', 'run.ts'), ...seeds], 600_000)
  const line = /^seed (\d+): (.+)$/m.exec(output)
  if (line !== null) return `seed ${line[1]}: ${line[2]}`
  // A copy that does not even run has been planted wrongly.
  if (!output.includes(' 0 failed')) throw new Error(output)
  return null
}

async function run(
  cwd: string,
  args: readonly string[],
  timeout: number,
): Promise<{ readonly isDone: boolean; readonly output: string }> {
  const options = { cwd, timeout, maxBuffer: 1 << 28 }
  return await promisify(execFile)(process.execPath, args, options).then(
    ({ stdout }) => ({ isDone: true, output: stdout }),
    (error: { readonly stdout?: string; readonly stderr?: string }) => ({
      isDone: false,
      output: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }),
  )
}
