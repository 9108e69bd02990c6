import { execFileSync } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

import { rolldown } from 'rolldown'

import { minify, program } from '../../rolldown.config.ts'

/**
 * Makes build/sea/praetor: the whole program with the web page of `npm run build:ui`, and the Node that runs this script, in one
 * executable that needs nothing beside it.
 */
const root = join(import.meta.dirname, '../..')
const page = join(root, 'dist/ui')
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
    assets: await pageFiles(),
    disableExperimentalSEAWarning: true,
  }),
)
execFileSync(process.execPath, [`--build-sea=${settings}`], { stdio: 'inherit' })

/** By the names that agent/page.ts asks for. */
async function pageFiles(): Promise<Record<string, string>> {
  const files = await readdir(page, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    files
      .filter((file) => file.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [`ui/${relative(page, path)}`, path]),
  )
}
