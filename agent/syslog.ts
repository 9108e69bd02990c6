import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

import type { Clock } from '../server/runtime/clock.ts'
import type { LogLevel, LogSink } from './logging.ts'

/** As syslog(3) numbers them, from 0; four of them are no one's. */
const facilities =
  'KERN USER MAIL DAEMON AUTH SYSLOG LPR NEWS UUCP CRON AUTHPRIV FTP - - - - LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7'.split(
    ' ',
  )

/** The facility's number, or undefined where there is none of that name. */
export function facilityOf(name: string): number | undefined {
  const number = facilities.indexOf(name.toUpperCase())
  return number < 0 || name === '-' ? undefined : number
}

/** What Consul makes of its levels: what it says in passing is notable to a host. */
const severities: Readonly<Record<LogLevel, number>> = {
  trace: 7,
  debug: 6,
  info: 5,
  warn: 4,
  error: 3,
}

/** What operators filter for. */
const tag = 'consul'
const startAgainMs = 5_000
/** Lines that logger(1) doesn't take are kept up to here, and beyond that lost. */
const waitingMaxBytes = 1024 * 1024

export interface SyslogOptions {
  readonly level: LogLevel
  readonly json: boolean
  readonly facility: number
  readonly clock: Clock
  /** Where logger(1) is. */
  readonly path: string | undefined
}

/**
 * Lines to the host's syslog, by way of logger(1): Node has no datagrams for unix sockets, where syslogs listen. A logger that ends
 * is started again after a while; what was said meanwhile is lost, and counted.
 */
export class Syslog implements LogSink, AsyncDisposable {
  level: LogLevel
  readonly json: boolean
  readonly #options: SyslogOptions
  #logger: ChildProcess | undefined
  #startAgain: { cancel(): void } | undefined
  #ended: Promise<void> = Promise.resolve()
  #lost = 0

  constructor(options: SyslogOptions) {
    this.level = options.level
    this.json = options.json
    this.#options = options
    this.#start()
  }

  write(line: string, level: LogLevel): void {
    if (this.#lost > 0 && this.#send('warn', `${this.#lost} lines were lost on their way here`))
      this.#lost = 0
    if (!this.#send(level, line.trimStart())) this.#lost += 1
  }

  /** Resolves once the logger that runs now has ended, whoever ended it. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Resolves when everything was handed on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#startAgain?.cancel()
    this.#startAgain = undefined
    const logger = this.#logger
    this.#logger = undefined
    logger?.stdin?.end()
    const timer = this.#options.clock.after(startAgainMs, () => logger?.kill('SIGKILL'))
    await this.#ended
    timer.cancel()
  }

  #send(level: LogLevel, text: string): boolean {
    const input = this.#logger?.stdin
    if (!input?.writable || input.writableLength > waitingMaxBytes) return false
    const priority = this.#options.facility * 8 + severities[level]
    // A line is a message; Go's logs break theirs, and each part is one.
    for (const part of text.split('\n')) input.write(`<${priority}>${part}\n`)
    return true
  }

  #start(): void {
    const { clock, path } = this.#options
    const logger = spawn('logger', ['--prio-prefix', `--tag=${tag}`, `--id=${process.pid}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: path },
    })
    this.#logger = logger
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        resolve()
        if (this.#logger !== logger) return
        this.#logger = undefined
        this.#startAgain = clock.after(startAgainMs, () => this.#start())
      }
      logger.once('error', over).once('close', over)
      // It may end before it has read everything: what is lost is counted with the next line.
      logger.stdin.on('error', () => undefined)
    })
  }
}
