import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describeError, PraetorError } from '../../server/model/errors.ts'
import type { Rpc } from '../../server/model/methods.ts'
import type { UserEvent } from '../../server/model/user-event.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import { CommandFault, runCommand } from '../command/command.ts'
import { PipePool } from '../command/pipe.ts'
import { ackName, callKey, decodeCall, decodeJob, exitName, jobName } from './job.ts'
import type { Job, JobCall } from './job.ts'
import { Report } from './report.ts'

export interface RemoteExecOptions {
  readonly enabled: boolean
  readonly nodeName: string
  /** Runs lines and scripts. */
  readonly shell: string
  readonly clock: Clock
  readonly log: Log
  readonly rpc: Rpc
}

/** Jobs at a time; whoever asks for more is not answered, as if this agent weren't there. */
const jobsMax = 16
const heartbeatMinMs = 500
/** What is told of a command that couldn't be started, or whose output nobody took. */
const failedCode = 255
/** What Go says of a command that a signal ended. */
const killedCode = -1

/** Runs on this node what events of a name of their own ask for, where the configuration allows that. */
export class RemoteExec {
  readonly #options: RemoteExecOptions
  readonly #pipes = new PipePool()
  readonly #stop = new AbortController()
  readonly #jobs = new Set<Promise<void>>()

  constructor(options: RemoteExecOptions) {
    this.#options = options
  }

  /** An event that asks for a job. Nothing is awaited, and what goes wrong is logged. */
  take({ ID: id, Payload }: UserEvent): void {
    const { enabled, log } = this.#options
    if (!enabled) return log.info({ id }, 'ignoring remote exec event, disabled.')
    const call = Payload === null ? undefined : decodeCall(Payload)
    if (call === undefined) return log.error({ id }, 'failed to decode remote exec event')
    if (this.#jobs.size >= jobsMax)
      return log.warn({ id, running: jobsMax }, 'ignoring remote exec event, too many are running')
    const job = this.#carryOut(call)
      .catch((error: unknown) =>
        log.error({ id, error: describeError(error) }, 'failed to carry out remote exec job'),
      )
      .finally(() => this.#jobs.delete(job))
    this.#jobs.add(job)
  }

  /** Ends what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#jobs)
    await this.#pipes[Symbol.asyncDispose]()
  }

  async #carryOut(call: JobCall): Promise<void> {
    const job = await this.#read(call)
    if (job === undefined) return
    await this.#put(call, ackName, empty)
    const code = await this.#run(call, job)
    await this.#put(call, exitName, Buffer.from(String(code)))
  }

  /** It may not have reached the server that is asked; the leader has it, if it is anywhere. */
  async #read(call: JobCall): Promise<Job | undefined> {
    const { rpc, log } = this.#options
    const Key = callKey(call, jobName)
    const near = await rpc.read('KVS.Get', { Key }, { consistency: 'stale' })
    const { value: entry } = near.value === undefined ? await rpc.read('KVS.Get', { Key }) : near
    if (entry === undefined) {
      log.debug({ key: Key }, 'remote exec aborted, job spec missing')
      return undefined
    }
    const job = decodeJob(entry.Value)
    if (job === undefined) log.error({ key: Key }, 'failed to decode remote exec spec')
    return job
  }

  /** The code to tell. The command lasts no longer than the session of who asked, and this agent. */
  async #run(call: JobCall, job: Job): Promise<number> {
    const { clock, log, shell } = this.#options
    const lost = new AbortController()
    const signal = AbortSignal.any([lost.signal, this.#stop.signal])
    await using script = await Script.of(job.script)
    const words =
      job.args.length > 0
        ? job.args
        : [shell, '-c', script === undefined ? job.command : script.path]
    log.info({ command: words.join(' ') }, 'remote exec')
    try {
      await using output = new Report({
        clock,
        heartbeatMs: Math.max(job.waitMs, heartbeatMinMs),
        put: (name, value) => this.#put(call, name, value),
        lost: (error) => {
          if (!lost.signal.aborted)
            log.error({ error: describeError(error) }, 'failed to write output of remote exec')
          lost.abort()
        },
      })
      const { code, isLate } = await runCommand(words, { output, signal, pipes: this.#pipes })
      return isLate ? failedCode : (code ?? killedCode)
    } catch (error) {
      if (!(error instanceof CommandFault)) throw error
      log.debug({ error: error.message }, 'failed to start remote exec')
      return failedCode
    }
  }

  /** Rejects where the session is gone: nobody waits for it then. */
  async #put(call: JobCall, name: string, Value: Uint8Array): Promise<void> {
    const { rpc, nodeName } = this.#options
    const Key = callKey(call, nodeName, name)
    const DirEnt = { Key, Flags: 0, Value, Session: call.session }
    if (!(await rpc.write('KVS.Apply', { Op: 'lock', DirEnt })))
      throw new PraetorError('conflict', `the session no longer holds ${Key}`)
  }
}

const empty = new Uint8Array()

/** A script as a file that its owner may run, for as long as it is needed. */
class Script {
  readonly path: string
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, 'script')
  }

  /** Undefined where there is none. */
  static async of(text: Uint8Array): Promise<Script | undefined> {
    if (text.length === 0) return undefined
    const script = new Script(await mkdtemp(join(tmpdir(), 'rexec')))
    await writeFile(script.path, text, { mode: 0o700 })
    return script
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }
}
