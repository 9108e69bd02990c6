import { describeError, PraetorError } from '../../../server/model/errors.ts'
import { systemChance } from '../../../server/runtime/chance.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { Tls } from '../../../server/tls/tls.ts'
import { startAgent } from '../../agent.ts'
import type { Agent } from '../../agent.ts'
import { banner } from '../../banner.ts'
import { systemFiles, systemHost } from '../../config/host.ts'
import { agentFlagGroups, keysNeedingRestart, loadConfig } from '../../config/load.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { AgentConfig } from '../../config/runtime.ts'
import { LogFile } from '../../log-file.ts'
import { Logging } from '../../logging.ts'
import type { LogSink } from '../../logging.ts'
import { followerOf } from '../../notify/find-follower.ts'
import type { Follower } from '../../notify/follower.ts'
import { raftTrace } from '../../raft-trace.ts'
import { collectStartGarbage } from '../../start-garbage.ts'
import { facilityOf, Syslog } from '../../syslog.ts'
import type { Command, Io } from '../command.ts'
import { fileFault } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

/** A server that is stopped without being told to leave says so with its exit code, so that a supervisor starts it again. */
const stoppedCode = 1

export const agentCommand: Command = {
  about: `Usage: praetor agent [options]

  Runs an agent until it is interrupted or told to leave. With -dev it is a
  whole cluster in memory.`,
  flags: agentFlagGroups(),
  async run(flags, io) {
    if (flags.rest.length > 0) {
      io.err(`==> Unexpected extra arguments: [${flags.rest.join(' ')}]\n`)
      return 1
    }
    const loaded = load(flags)
    if (!loaded.ok) {
      for (const error of loaded.errors) io.err(`==> ${error}\n`)
      return 1
    }
    const tls = openTls(loaded.config)
    if (typeof tls === 'string') {
      io.err(`==> ${tls}\n`)
      return 1
    }
    return new Session(flags, loaded, tls, io).run()
  },
}

type Loaded = LoadedConfig & { readonly ok: true }

/** A leave that takes longer is given up, as the cluster will notice anyway. */
const leaveMaxMs = 15_000

/** By then a client has met its servers and told them what it has. */
const settledAfterMs = 5_000

/** One run of an agent, from its first line to its exit code. */
class Session {
  readonly #flags: ParsedFlags
  readonly #tls: Tls
  readonly #io: Io
  readonly #logging = new Logging(() => systemClock.wallMs())
  readonly #terminal: LogSink
  readonly #manager: Follower
  readonly #started = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<number>()
  #loaded: Loaded
  #agent: Agent | undefined
  #syslog: Syslog | undefined
  #reloaded: Promise<void> = Promise.resolve()
  #stopping = false
  #isEnding = false

  constructor(flags: ParsedFlags, loaded: Loaded, tls: Tls, io: Io) {
    this.#flags = flags
    this.#tls = tls
    this.#loaded = loaded
    this.#io = io
    const { level, json } = loaded.config.log
    this.#terminal = { level, json, write: (line) => io.out(`${line}\n`) }
    this.#logging.add(this.#terminal)
    this.#manager = followerOf(loaded.config, this.#logging.log)
  }

  async run(): Promise<number> {
    const caught = { SIGHUP: this.#hangUp, SIGUSR1: this.#dump, SIGUSR2: () => undefined }
    for (const [signal, handler] of Object.entries(caught)) process.on(signal, handler)
    try {
      this.#manager.waiting('Starting')
      const agent = await this.#start()
      if (agent === undefined) return 1
      this.#agent = agent
      this.#started.resolve()
      this.#io.out('==> Praetor agent running!\n')
      return await this.#untilEnd(agent)
    } finally {
      await this.#manager.close()
      await this.#syslog?.[Symbol.asyncDispose]()
      for (const [signal, handler] of Object.entries(caught)) process.off(signal, handler)
    }
  }

  async #start(): Promise<Agent | undefined> {
    const { config, warnings } = this.#loaded
    const log = this.#logging.log
    try {
      if (config.log.file !== '') this.#logging.add(new LogFile(config.log, systemClock))
      this.#syslog = openSyslog(config)
      if (this.#syslog !== undefined) this.#logging.add(this.#syslog)
      return await startAgent(config, {
        clock: systemClock,
        chance: systemChance,
        ...dialMap(this.#io.env['PRAETOR_DIAL_MAP']),
        ...raftTrace(this.#io.env['PRAETOR_RAFT_TRACE']),
        logging: this.#logging,
        tls: this.#tls,
        fatal: (error) => this.#die(error),
        onLeave: () => this.#ended.resolve(0),
        onReload: () => this.#reload(),
        onStarting: (nodeId) => {
          this.#io.out(banner(config, nodeId))
          for (const warning of warnings) log.warn({}, warning)
        },
      })
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      this.#io.err(`==> Error starting agent: ${error.message}\n`)
      return undefined
    }
  }

  async #untilEnd(agent: Agent): Promise<number> {
    process.on('SIGINT', this.#interrupt)
    process.on('SIGTERM', this.#terminate)
    // Whatever asked for the end before anyone listened here counts too.
    if (this.#io.interrupted.aborted) this.#interrupt()
    this.#manager.waiting('Looking for other members')
    agent.joined.then(
      () => this.#manager.ready(readyStatus(this.#loaded.config)),
      () => undefined,
    )
    // A server's heap is as large as its catalog, and grows again at once.
    const settled = this.#loaded.config.server
      ? undefined
      : systemClock.after(settledAfterMs, collectStartGarbage)
    try {
      const code = await this.#ended.promise
      this.#isEnding = true
      this.#manager.stopping('Stopping')
      await agent[Symbol.asyncDispose]()
      this.#logging.log.info({}, 'Exit code: code=' + String(code))
      return code
    } finally {
      settled?.cancel()
      process.off('SIGINT', this.#interrupt)
      process.off('SIGTERM', this.#terminate)
    }
  }

  readonly #dump = (): void => this.#io.err(this.#agent?.telemetry.dump() ?? '')
  readonly #interrupt = (): void =>
    this.#stop('interrupt', !this.#loaded.config.skipLeaveOnInterrupt)
  readonly #terminate = (): void => this.#stop('terminated', this.#loaded.config.leaveOnTerminate)

  readonly #hangUp = (): void => {
    if (this.#stopping) return this.#stop('hangup', false)
    this.#logging.log.info({}, 'Caught: signal=hangup')
    this.#started.promise
      .then(() => this.#reload())
      .catch((error: unknown) =>
        this.#logging.log.error({ error: describeError(error) }, 'Reload failed'),
      )
  }

  /** The first signal stops the agent in order, leaving first where it should; a second one ends it at once. */
  #stop(signal: string, leave: boolean): void {
    const log = this.#logging.log
    if (this.#stopping) return this.#hurry(signal)
    log.info({}, `Caught: signal=${signal}`)
    this.#stopping = true
    if (!leave) {
      log.info({}, 'Graceful shutdown disabled. Exiting')
      return this.#ended.resolve(stoppedCode)
    }
    log.info({}, 'Gracefully shutting down agent...')
    this.#manager.stopping('Leaving the cluster')
    const timer = systemClock.after(leaveMaxMs, () => {
      log.warn({}, 'Timeout on graceful leave. Exiting')
      this.#ended.resolve(stoppedCode)
    })
    const left = this.#agent?.leave() ?? Promise.resolve()
    left
      .then(
        () => {
          log.info({}, 'Graceful exit completed')
          this.#ended.resolve(0)
        },
        (error: unknown) => {
          log.error({ error: describeError(error) }, 'Error on leave')
          this.#ended.resolve(stoppedCode)
        },
      )
      .finally(() => timer.cancel())
  }

  /** Whoever asks twice waits for nothing: not for a leave, and then not for what is being closed. */
  #hurry(signal: string): void {
    this.#logging.log.info({}, `Caught second signal, Exiting: signal=${signal}`)
    if (this.#isEnding) process.exit(stoppedCode)
    this.#ended.resolve(stoppedCode)
  }

  /** One after the other: the last to ask is the last to be carried out. */
  #reload(): Promise<void> {
    const reloaded = this.#reloaded.then(() => this.#manager.reloading(() => this.#readAgain()))
    this.#reloaded = reloaded.catch(() => undefined)
    return reloaded
  }

  /** Reads the configuration again. Rejects with what is wrong with it, and then nothing has changed. */
  async #readAgain(): Promise<void> {
    const log = this.#logging.log
    log.info({}, 'Reloading configuration...')
    const loaded = load(this.#flags)
    if (!loaded.ok) throw new PraetorError('failed', loaded.errors.join('\n'))
    const pinned = keysNeedingRestart(this.#loaded.settings, loaded.settings)
    if (pinned.length > 0)
      log.warn({ keys: pinned.join(' ') }, 'These settings need a restart to take effect')
    this.#loaded = loaded
    this.#terminal.level = loaded.config.log.level
    if (this.#syslog !== undefined) this.#syslog.level = loaded.config.log.level
    this.#logging.refresh()
    await this.#agent?.reconfigure(loaded.config)
  }

  /** No tidying up: what can't be trusted to write must not be given the chance. */
  #die(error: Error): void {
    this.#io.err(`==> Praetor can not go on: ${error.message}\n`)
    process.exit(1)
  }
}

function readyStatus({ nodeName, datacenter, server }: AgentConfig): string {
  return `${server ? 'Server' : 'Client'} ${nodeName} of ${datacenter} is up`
}

function load(flags: ParsedFlags): LoadedConfig {
  return loadConfig(flags, systemFiles, systemHost())
}

/** Throws a PraetorError for a facility that syslogs don't know. */
function openSyslog({ log: { level, json, syslogFacility } }: AgentConfig): Syslog | undefined {
  if (syslogFacility === '') return undefined
  const facility = facilityOf(syslogFacility)
  if (facility === undefined)
    throw new PraetorError('failed', `invalid syslog facility: ${syslogFacility}`)
  const path = process.env['PATH']
  return new Syslog({ level, json, facility, clock: systemClock, path })
}

/** What the certificates are wanted for is looked at before anything is started. Returns what is wrong where something is. */
function openTls(config: AgentConfig): Tls | string {
  try {
    return new Tls(config.tls, config, { ...systemFiles, read: readFile })
  } catch (error) {
    if (error instanceof PraetorError) return error.message
    throw error
  }
}

function readFile(path: string): string {
  try {
    return systemFiles.read(path)
  } catch (error) {
    throw fileFault(error, path)
  }
}

/** `host:port=host:port,…`: where to connect instead, for tests that put a faulty network between servers. */
function dialMap(text: string | undefined): { dial?: (address: string) => string } {
  if (text === undefined || text === '') return {}
  const map = new Map(text.split(',').map((pair) => pair.split('=', 2) as [string, string]))
  return { dial: (address) => map.get(address) ?? address }
}
