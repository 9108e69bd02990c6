import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

import { minify, program } from '../../rolldown.config.ts'

/**
 * Makes build/sea/praetor: the whole program and the Node that runs this script, in one executable
 * that needs nothing beside it. The web page is not in it: `-ui-dir` names one.
 */
const root = join(import.meta.dirname, '../..')
const directory = join(root, 'build/sea')
const bundle = join(directory, 'praetor.mjs')
const executable = join(directory, 'praetor')
const settings = join(directory, 'sea.json')

await mkdir(directory, { recursive: true })
await using sources = await rolldown(program)
// An executable has one main and no files beside it, so what main imports later is in it too.
await sources.write({ file: bundle, format: 'esm', codeSplitting: false, minify })
await writeFile(
  settings,
  JSON.stringify({
    main: bundle,
    mainFormat: 'module',
    output: executable,
    disableExperimentalSEAWarning: true,
  }),
)
execFileSync(process.execPath, [`--build-sea=${settings}`], { stdio: 'inherit' })
