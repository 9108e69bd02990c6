import { durationMs, formatDuration } from '../../../server/model/duration.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { sleep, systemClock } from '../../../server/runtime/clock.ts'
import { startChild } from '../child.ts'
import type { Child } from '../child.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'
import { parseInteger } from '../flags.ts'
import type { ParsedFlags } from '../flags.ts'
import type { Holding, HoldingDeps } from '../lock/holding.ts'
import { lockOf } from '../lock/lock.ts'
import { semaphoreOf } from '../lock/semaphore.ts'
import { holdSession } from '../lock/session.ts'

/** How long the program may take to end once it is told to. */
const graceMs = 5000
const childFailedCode = 2

export const lockCommand: Command = {
  about: `Usage: praetor lock [options] prefix child...

  Runs a program while holding a lock, so that of all who are started so with
  the same prefix only one runs at a time:

      $ praetor lock jobs/backup ./backup

  With -n, so many run at a time. When the lock is lost, or the agent can't be
  reached any more, the program is sent SIGTERM, and SIGKILL ${formatDuration(graceMs)} later.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'child-exit-code',
          kind: 'bool',
          doc: 'Ends with 2 when the program failed. It is no failure of ours otherwise.',
        },
        {
          name: 'monitor-retry',
          kind: 'int',
          doc: 'How often to ask again, a second apart, when servers fail while the lock is held, before it counts as lost.',
          initial: 3,
        },
        { name: 'n', kind: 'int', doc: 'How many may hold it at a time.', initial: 1 },
        {
          name: 'name',
          kind: 'string',
          doc: 'What the session of the lock is called, for those who look.',
        },
        {
          name: 'pass-stdin',
          kind: 'bool',
          doc: 'Gives the program our standard input to read.',
        },
        {
          name: 'shell',
          kind: 'bool',
          doc: 'The program is a line for a shell, which is that of the environment variable SHELL.',
          initial: true,
        },
        {
          name: 'timeout',
          kind: 'duration',
          doc: 'How long to try, "30s" or "2h". For as long as it takes if not given.',
        },
        { name: 'try', kind: 'duration', doc: 'What -timeout was called before.' },
        { name: 'verbose', kind: 'bool', doc: 'Tells each step.' },
      ],
    },
  ],
  async run(flags, io) {
    const [, ...words] = flags.rest
    const number = (name: string, initial: number): number =>
      Number(parseInteger(flags.value(name) ?? String(initial)))
    const limit = number('n', 1)
    const monitorRetries = number('monitor-retry', 3)
    const timeoutMs = durationMs(flags.value('timeout') ?? flags.value('try') ?? '0s')
    if (words.length === 0) throw mistake('Key prefix and child command must be specified')
    if (limit <= 0) throw mistake('Lock holder limit must be positive')
    if (timeoutMs < 0) throw mistake('Timeout must be positive')
    if (monitorRetries < 0) throw mistake("Number for 'monitor-retry' must be >= 0")

    const prefix = (flags.rest[0] ?? '').replace(/^\//, '')
    const client = await connectAgent(flags, io)
    await telling('Error querying Consul agent', client.demand('GET', '/v1/agent/self'))
    const Name = flags.value('name') || `Consul lock for '${words.join(' ')}' at '${prefix}'`
    const failure = 'Lock acquisition failed'
    await using session = await telling(
      failure,
      holdSession(client, limit === 1 ? { Name } : { Name, Behavior: 'delete' }, systemClock),
    )
    const deps: HoldingDeps = {
      client,
      clock: systemClock,
      sessionId: session.id,
      timeoutMs: timeoutMs === 0 ? undefined : timeoutMs,
      monitorRetries,
      interrupted: io.interrupted,
    }
    const holding =
      limit === 1
        ? lockOf(`${prefix.replace(/\/+$/, '')}/.lock`, deps)
        : semaphoreOf(prefix, limit, deps)
    return await new Hold(holding, words, flags, io).run()
  },
}

/** The program's time with the lock, from asking for it to leaving nothing behind. */
class Hold {
  readonly #holding: Holding
  readonly #words: readonly string[]
  readonly #flags: ParsedFlags
  readonly #io: Io

  constructor(holding: Holding, words: readonly string[], flags: ParsedFlags, io: Io) {
    this.#holding = holding
    this.#words = words
    this.#flags = flags
    this.#io = io
  }

  async run(): Promise<number> {
    this.#tell(this.#holding.description)
    this.#tell('Attempting lock acquisition')
    if (!(await this.#acquire())) {
      this.#io.err('Shutdown triggered or timeout during lock acquisition\n')
      return 1
    }
    const failure = await this.#runChild()
    if (failure !== undefined) this.#io.err(`${failure}\n`)
    await telling('Lock release failed', this.#holding.release())
    const cleaned = await telling('Lock cleanup failed', this.#holding.cleanUp())
    this.#tell(cleaned ? 'Cleanup succeeded' : 'Cleanup aborted, lock in use')
    return failure !== undefined && this.#flags.isTrue('child-exit-code') ? childFailedCode : 0
  }

  async #acquire(): Promise<boolean> {
    try {
      return await telling('Lock acquisition failed', this.#holding.acquire())
    } catch (error) {
      if (this.#io.interrupted.aborted) return false
      throw error
    }
  }

  /** What went wrong with the program, if anything. */
  async #runChild(): Promise<string | undefined> {
    const over = new AbortController()
    const lost = this.#holding.lost(over.signal).then(() => 'lost' as const)
    try {
      this.#tell('Starting handler')
      const shell = this.#flags.value('shell') === undefined || this.#flags.isTrue('shell')
      const input = this.#flags.isTrue('pass-stdin') ? 'ours' : 'none'
      const env = { CONSUL_LOCK_HELD: 'true' }
      const child = await telling(
        'Error starting handler',
        startChild(this.#words, { shell, env, input }, this.#io),
      )
      const first = await Promise.race([
        child.ended.then(() => 'ended' as const),
        lost,
        aborted(this.#io.interrupted).then(() => 'interrupted' as const),
      ])
      if (first === 'ended') this.#tell('Child terminated, releasing lock')
      else {
        this.#tell(
          first === 'lost' ? 'Lock lost, killing child' : 'Shutdown triggered, killing child',
        )
        await this.#end(child)
      }
      const failure = await child.ended
      return failure === undefined ? undefined : `Error running handler: ${failure}`
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      this.#tell('Child terminated, releasing lock')
      return error.message
    } finally {
      over.abort()
      await lost
    }
  }

  async #end(child: Child): Promise<void> {
    this.#tell(`Terminating child pid ${child.pid}`)
    child.kill('SIGTERM')
    const grace = new AbortController()
    const patience = sleep(systemClock, graceMs, grace.signal).then(
      () => false,
      () => true,
    )
    const inTime = await Promise.race([child.ended.then(() => true), patience])
    grace.abort()
    if (inTime) return this.#tell('Child terminated')
    this.#tell(`Child did not exit after grace period of ${formatDuration(graceMs)}`)
    this.#tell(`Killing child pid ${child.pid}`)
    child.kill('SIGKILL')
  }

  #tell(step: string): void {
    if (this.#flags.isTrue('verbose')) this.#io.out(`${step}\n`)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
