#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Parsed sources are kept between runs: a command line tool is judged by how soon it answers.
enableCompileCache()
const { runFromTerminal } = await import('./cli/terminal.ts')
process.exitCode = await runFromTerminal(process)
