import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describeError } from '../../server/model/errors.ts'
import { readOptions, type TortureOptions, usage } from './options.ts'
import { report } from './report.ts'
import { keepArtefacts, torture } from './torture.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** `npm run torture`: one run, one screen. See options.ts. */
if (process.argv.includes('--help')) console.log(usage)
else process.exitCode = await run(options())

async function run(options: TortureOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), `praetor-torture-${options.seed}-`))
  console.log(`seed ${options.seed} in ${directory}`)
  const tortured = await torture(options, directory).catch((error: unknown) => {
    console.error(describeError(error))
  })
  if (tortured === undefined) return 1
  console.log(report(options, tortured.record, tortured.findings))
  const isKept = tortured.findings.every(({ breaches }) => breaches.length === 0)
  if (isKept && !options.keep) await rm(directory, { recursive: true })
  else {
    await keepArtefacts(tortured, directory)
    console.log(`\nEverything is kept in ${directory}`)
  }
  return isKept ? 0 : 1
}

function options(): TortureOptions {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${describeError(error)}\n\n${usage}`)
    return process.exit(2)
  }
}
