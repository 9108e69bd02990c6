#!/usr/bin/env node
import { stat } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'

// Parsed sources are kept between runs: a command line tool is judged by how soon it answers.
enableCompileCache()
// The log's syncs share libuv's pool with name lookups and compression; four slow lookups must not hold up a write.
if (process.env['UV_THREADPOOL_SIZE'] === undefined) {
  process.env['UV_THREADPOOL_SIZE'] = '8'
  // The pool is made for whoever needs it first; what we start ourselves must not find our size in its environment.
  await stat(process.execPath)
  delete process.env['UV_THREADPOOL_SIZE']
}
const { runFromTerminal } = await import('./cli/terminal.ts')
process.exitCode = await runFromTerminal(process)
