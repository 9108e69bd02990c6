import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { must } from '../../server/model/assert.ts'
import { mutations, rungs, type Mutation, type Rung } from './mutations.ts'
import { climb } from './rungs.ts'

/**
 * Plants one mistake after another in a copy of the sources, and has it found by the rung of the ladder that ought to: what that one can
 * not find it does not test.
 *
 *   npm run sim:planted                     each by its own rung
 *   npm run sim:planted -- --only TEXT      those whose name holds it
 *   npm run sim:planted -- --every          each by every rung, and a table of who finds what
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    every: { type: 'boolean', default: false },
  },
})

const root = new URL('../..', import.meta.url).pathname
const parts = [
  'server',
  'test/simulation',
  'test/support',
  'test/linearizability',
  'test/server/raft',
  'test/traces/raft',
  'package.json',
  'tsconfig.json',
]

interface Result {
  readonly mutation: Mutation
  /** What each rung that was asked found. */
  readonly found: ReadonlyMap<Rung, string | null>
}

const copy = await mkdtemp(join(tmpdir(), 'planted-'))
try {
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const chosen = mutations.filter(({ name }) => name.includes(values.only))
  await expectSound(chosen)
  const results: Result[] = []
  for (const mutation of chosen) {
    const result = await plant(mutation)
    results.push(result)
    console.log(describe(result))
  }
  if (values.every) console.log(`\n${table(results)}`)
  const missed = results.filter(({ found, mutation }) => (found.get(mutation.by) ?? null) === null)
  console.log(`\n${results.length - missed.length} of ${results.length} caught`)
  for (const rung of rungs) {
    const caught = results.filter(({ mutation }) => mutation.by === rung).length
    if (caught > 0) console.log(`  ${String(caught).padStart(3)} held by the ${rung}`)
  }
  if (missed.length > 0) process.exitCode = 1
} finally {
  await rm(copy, { recursive: true })
}

/** A rung that finds fault with the sources as they are would seem to find every mistake. */
async function expectSound(chosen: readonly Mutation[]): Promise<void> {
  const asked = new Set(chosen.flatMap(rungsFor).filter((rung) => rung !== 'simulator'))
  const first = must(chosen[0], `a mistake whose name holds "${values.only}"`)
  for (const rung of asked) {
    const found = await climb(copy, rung, first)
    if (found !== null) throw new Error(`without any mistake the ${rung} find one: ${found}`)
  }
}

async function plant(mutation: Mutation): Promise<Result> {
  const path = join(copy, mutation.file)
  const source = await readFile(path, 'utf8')
  const times = source.split(mutation.from).length - 1
  if (times !== 1)
    throw new Error(`${mutation.name}: its line is ${times} times in ${mutation.file}, not once`)
  await writeFile(
    path,
    source.replace(mutation.from, () => mutation.to),
  )
  try {
    const found = new Map<Rung, string | null>()
    for (const rung of rungsFor(mutation)) found.set(rung, await climb(copy, rung, mutation))
    return { mutation, found }
  } finally {
    await writeFile(path, source)
  }
}

function rungsFor({ by }: Mutation): readonly Rung[] {
  return values.every ? rungs : [by]
}

function describe({ found, mutation }: Result): string {
  const { by, name } = mutation
  return `${name.padEnd(80)} ${by.padEnd(13)} ${found.get(by) ?? 'NOT CAUGHT'}`
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ found, mutation }) =>
    [mutation.name, ...rungs.map((rung) => ((found.get(rung) ?? null) === null ? '' : 'x'))].join(
      ' | ',
    ),
  )
  return [
    `| mistake | ${rungs.join(' | ')} |`,
    `|---|${rungs.map(() => '---|').join('')}`,
    ...rows.map((row) => `| ${row} |`),
  ].join('\n')
}
