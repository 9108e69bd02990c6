import { pino } from 'pino'
import type { Logger } from 'pino'

import type { Log } from '../server/runtime/log.ts'

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Somewhere that lines go: the terminal, a file, a client of `/v1/agent/monitor`. */
export interface LogSink {
  /** Lines below it are not for this sink. May change while the program runs. */
  level: LogLevel
  readonly json: boolean
  /** A line without its newline. */
  write(line: string, level: LogLevel): void
}

/** The level's names that clients and configurations use beside pino's. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const lower = text.toLowerCase()
  const name = lower === 'err' ? 'error' : lower === 'warning' ? 'warn' : lower
  return logLevels.find((level) => level === name)
}

/**
 * The one logger of the process. pino makes a JSON object of each event, in the field names that Consul's logs have; the sinks
 * print it as it is or as a readable line. What no sink wants is dropped before it costs anything.
 */
export class Logging {
  readonly #sinks = new Set<LogSink>()
  readonly #pino: Logger
  #lowest: number = logLevels.length

  constructor(wallMs: () => number) {
    this.#pino = pino(
      {
        level: 'trace',
        base: null,
        messageKey: '@message',
        timestamp: () => `,"@timestamp":"${new Date(wallMs()).toISOString()}"`,
        formatters: { level: (label) => ({ '@level': label }) },
      },
      { write: (line) => this.#write(line) },
    )
  }

  /** The program's log. A part names itself, and its lines carry the name as `agent.PART`. */
  get log(): Log {
    return this.#wrap(this.#pino.child({ '@module': 'agent' }))
  }

  add(sink: LogSink): void {
    this.#sinks.add(sink)
    this.refresh()
  }

  remove(sink: LogSink): void {
    this.#sinks.delete(sink)
    this.refresh()
  }

  /** To be called after a sink's level was changed. */
  refresh(): void {
    this.#lowest = Math.min(
      ...[...this.#sinks].map(({ level }) => logLevels.indexOf(level)),
      logLevels.length,
    )
  }

  #wrap(logger: Logger): Log {
    const at =
      (level: LogLevel) =>
      (fields: object, message?: string): void => {
        if (logLevels.indexOf(level) >= this.#lowest) logger[level](fields, message)
      }
    return {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: ({ part }) => this.#wrap(this.#pino.child({ '@module': `agent.${part}` })),
    }
  }

  #write(line: string): void {
    const event = JSON.parse(line) as LogEvent
    const rank = logLevels.indexOf(event['@level'])
    let readable: string | undefined
    for (const sink of this.#sinks) {
      if (rank < logLevels.indexOf(sink.level)) continue
      const text = sink.json ? line.trimEnd() : (readable ??= readableLine(event))
      sink.write(text, event['@level'])
    }
  }
}

interface LogEvent {
  readonly '@level': LogLevel
  readonly '@module': string
  readonly '@timestamp': string
  readonly '@message'?: string
  readonly [field: string]: unknown
}

/** `    2026-01-02T03:04:05.678Z [INFO]  agent.raft: entering leader state: term=2`, as operators' tools parse it. */
export function readableLine(event: LogEvent): string {
  const {
    '@level': level,
    '@module': part,
    '@timestamp': at,
    '@message': message = '',
    ...fields
  } = event
  const printed = Object.entries(fields).map(([name, value]) => ` ${name}=${printValue(value)}`)
  const colon = printed.length > 0 && message !== '' ? ':' : ''
  return `    ${at} ${`[${level.toUpperCase()}]`.padEnd(7)} ${part}: ${message}${colon}${printed.join('')}`
}

function printValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  const text = String(value)
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text
}
