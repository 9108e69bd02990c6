import { execFile } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A pipe whose writing end is for one child process. */
export interface Pipe {
  readonly reader: Socket
  /** For the child; closed here once the child has it. */
  readonly writerFd: number
  /** Takes the pipe back. Where somebody still writes to it, nobody else gets it. */
  release(isEnded: boolean): void
}

/**
 * Pipes of the kernel's kind. Node gives a child sockets for its output, one for each stream: a script can't open those again by
 * the name of /dev/stderr, and what it wrote to both no longer stands in its order. Named pipes can do both, and are used again,
 * since each costs a process to make.
 */
export class PipePool {
  readonly #free: string[] = []
  #directory: Promise<string> | undefined
  #made = 0

  /** Resolves to nothing where the host has no room or no means for pipes. */
  async open(): Promise<Pipe | undefined> {
    const path = this.#free.pop() ?? (await this.#make().catch(() => undefined))
    if (path === undefined) return undefined
    let readerFd: number | undefined
    try {
      // A reader that doesn't wait comes first: a writer would wait for one.
      readerFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const writerFd = openSync(path, constants.O_WRONLY)
      return {
        reader: new Socket({ fd: readerFd, readable: true, writable: false }),
        writerFd,
        release: (isEnded) => {
          if (isEnded) this.#free.push(path)
          else void rm(path, { force: true })
        },
      }
    } catch {
      // Somebody cleaned up behind us: the next one is made anew.
      if (readerFd !== undefined) closeSync(readerFd)
      this.#directory = undefined
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const directory = await this.#directory?.catch(() => undefined)
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  }

  async #make(): Promise<string> {
    this.#directory ??= mkdtemp(join(tmpdir(), 'praetor-checks-'))
    this.#made += 1
    const path = join(await this.#directory, String(this.#made))
    await new Promise<void>((resolve, reject) => {
      execFile('mkfifo', ['-m', '600', path], (error) =>
        error === null ? resolve() : reject(error),
      )
    })
    return path
  }
}
