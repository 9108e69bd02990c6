import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'

import { mutations, type Mutation } from './mutations.ts'
import type { Level } from './plan.ts'

/**
 * Plants one mistake after another in a copy of the sources, and asks the simulator to find it within its usual run. What it can
 * not find it does not test: `npm run sim:planted`, or with `-- --only TEXT` those whose name holds it.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })

/** The seeds of a usual run. */
const seedsMax: Readonly<Record<Level, number>> = { core: 3000, driver: 500 }

const root = new URL('../..', import.meta.url).pathname
const parts = [
  'server',
  'test/simulation',
  'test/support',
  'test/linearizability',
  'package.json',
  'tsconfig.json',
]

interface Result {
  readonly mutation: Mutation
  readonly caught: { readonly by: string; readonly seed: number } | null
}

const copy = await mkdtemp(join(tmpdir(), 'planted-'))
try {
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const results: Result[] = []
  for (const mutation of mutations.filter(({ name }) => name.includes(values.only))) {
    const result = await plant(mutation)
    results.push(result)
    console.log(describe(result))
  }
  const missed = results.filter(({ caught }) => caught === null)
  console.log(`\n${results.length - missed.length} of ${results.length} caught`)
  if (missed.length > 0) process.exitCode = 1
} finally {
  await rm(copy, { recursive: true })
}

async function plant(mutation: Mutation): Promise<Result> {
  const path = join(copy, mutation.file)
  const source = await readFile(path, 'utf8')
  const found = source.split(mutation.from).length - 1
  if (found !== 1)
    throw new Error(`${mutation.name}: its line is ${found} times in ${mutation.file}, not once`)
  await writeFile(
    path,
    source.replace(mutation.from, () => mutation.to),
  )
  try {
    return { mutation, caught: await search(mutation.level) }
  } finally {
    await writeFile(path, source)
  }
}

async function search(level: Level): Promise<Result['caught']> {
  const given = ['--level', level, '--from', '1', '--count', String(seedsMax[level]), '--brief']
  const run = promisify(execFile)(process.execPath, ['test/simulation/run.ts', ...given], {
    cwd: copy,
  })
  const output = await run.then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string; readonly stderr?: string }) =>
      `${error.stdout ?? ''}${error.stderr ?? ''}`,
  )
  const line = /^seed (\d+): (.+)$/m.exec(output)
  if (line !== null) return { seed: Number(line[1]), by: line[2] ?? '' }
  // A copy that does not even run has been planted wrongly.
  if (!output.includes(' 0 failed')) throw new Error(output)
  return null
}

function describe({ caught, mutation }: Result): string {
  const name = mutation.name.padEnd(72)
  return caught === null
    ? `${name} NOT CAUGHT in ${seedsMax[mutation.level]} seeds (${mutation.level})`
    : `${name} ${mutation.level.padEnd(6)} seed ${String(caught.seed).padStart(4)}  ${caught.by}`
}
