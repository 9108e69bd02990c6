import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'

import { until } from './check.ts'

/** A program that ends when this one does, and not later than it is disposed of. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess
  readonly #end = (): void => void this.child.kill('SIGKILL')

  /** What it prints is kept in the log; with pipes only its errors. */
  constructor(
    command: string,
    args: readonly string[],
    { logPath, pipes = false }: { readonly logPath: string; readonly pipes?: boolean },
  ) {
    const log = openSync(logPath, 'a')
    this.child = spawn(command, args, {
      stdio: pipes ? ['pipe', 'pipe', log] : ['ignore', log, log],
    })
    closeSync(log)
    this.child.once('error', () => undefined)
    process.once('exit', this.#end)
  }

  /** As a crash: it can say nothing more. */
  async kill(): Promise<void> {
    process.off('exit', this.#end)
    const { exitCode, signalCode, pid } = this.child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/** Resolves with the program when it answers; rejects, and ends it, where it doesn't. */
export async function started<Kind extends Program>(
  program: Kind,
  ask: () => Promise<unknown>,
): Promise<Kind> {
  const isUp = await until(
    () => ask().then(() => true),
    (answer) => answer,
  )
  if (isUp === true) return program
  await program.kill()
  throw new Error(`${program.child.spawnargs.slice(0, 3).join(' ')} does not answer: ${isUp}`)
}
