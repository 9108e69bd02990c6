#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Parsed sources are kept between runs: a command line tool is judged by how soon it answers.
enableCompileCache()
// The log's syncs share libuv's pool with name lookups and compression; four slow lookups must not hold up a write.
process.env['UV_THREADPOOL_SIZE'] ??= '8'
const { runFromTerminal } = await import('./cli/terminal.ts')
process.exitCode = await runFromTerminal(process)
