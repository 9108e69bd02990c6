import type { Field, Kind, Struct } from '../../server/model/decode.ts'
import { parseDuration } from '../../server/model/duration.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { lookAt } from './kind.ts'
import type { Look, WatchParameters } from './kind.ts'

/** A member of `watches`, as a file has it. */
export interface WatchDefinition extends Omit<WatchParameters, 'tag'> {
  readonly type?: string
  readonly datacenter?: string
  readonly stale?: boolean
  readonly token?: string
  readonly tag?: unknown
  readonly handler_type?: string
  readonly handler?: string
  readonly args?: unknown
  readonly http_handler_config?: {
    readonly path?: string
    readonly method?: string
    readonly timeout?: string
    readonly header?: Readonly<Record<string, readonly string[]>>
    readonly tls_skip_verify?: boolean
  }
}

/** What is watched, and what is done then. */
export interface WatchPlan {
  readonly type: string
  readonly look: Look
  readonly datacenter: string | undefined
  readonly stale: boolean
  readonly token: string
  readonly handler: CommandHandler | HttpHandler
}

export interface CommandHandler {
  readonly kind: 'command'
  readonly args: readonly string[]
}

export interface HttpHandler {
  readonly kind: 'http'
  readonly url: string
  readonly method: string
  readonly timeoutMs: number
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly skipVerify: boolean
}

const http: Struct = {
  name: 'http_handler_config',
  fields: () => [
    field('path', 'string'),
    field('method', 'string'),
    field('timeout', 'string'),
    field('header', { map: { list: 'string' } }),
    field('tls_skip_verify', 'bool'),
  ],
}

export const watchStruct: Struct = {
  name: 'watch',
  fields: () => [
    ...texts.map((name) => field(name, 'string')),
    field('passingonly', 'bool'),
    field('stale', 'bool'),
    field('tag', 'any'),
    field('args', 'any'),
    field('http_handler_config', http),
  ],
}

const texts = [
  'type',
  'datacenter',
  'token',
  'handler_type',
  'handler',
  'key',
  'name',
  'prefix',
  'service',
  'service_id',
  'state',
]

function field(name: string, kind: Kind): Field {
  return { field: name, kind, api: [], config: [name] }
}

const httpTimeoutMs = 10_000

/** Throws a PraetorError for a watch that makes no sense. `shell` runs a handler that is a line. */
export function planWatch(definition: WatchDefinition, shell: string): WatchPlan {
  const { type = '', datacenter, stale = false, token = '', ...rest } = definition
  const { handler_type = 'script', handler, args, http_handler_config, tag, ...parameters } = rest
  if (handler_type !== 'script' && handler_type !== 'http')
    throw refusal(`Handler type '${handler_type}' not recognized`)
  if (type.startsWith('connect_'))
    throw refusal(`Watch type ${type} is not allowed in agent config`)
  if (type === '') throw refusal('Watch type must be specified')
  const look = lookAt(type, {
    ...parameters,
    ...(tag === undefined ? {} : { tag: wordsOf(tag, 'Expecting tag to be a string or []string') }),
  })
  const isHttp = handler_type === 'http'
  const handlers = [handler !== undefined, args !== undefined, isHttp].filter(Boolean).length
  if (handlers > 1) throw refusal('Only one watch handler allowed')
  if (handlers === 0) throw refusal('Must define a watch handler')
  if (!isHttp && http_handler_config !== undefined)
    throw refusal('Invalid parameters: [http_handler_config]')
  const common = { type, look, datacenter, stale, token }
  if (isHttp) return { ...common, handler: httpHandler(http_handler_config) }
  const words =
    handler === undefined
      ? wordsOf(args, 'Watch args must be a list of strings')
      : [shell, '-c', handler]
  return { ...common, handler: { kind: 'command', args: words } }
}

function httpHandler(config: WatchDefinition['http_handler_config']): HttpHandler {
  if (config === undefined)
    throw refusal("Handler type 'http' requires 'http_handler_config' to be set")
  const { path = '', method = '', timeout = '', header = {}, tls_skip_verify = false } = config
  const wrong = (why: string): PraetorError =>
    refusal(`Failed to parse 'http_handler_config': ${why}`)
  if (path === '') throw wrong("Requires 'path' to be set")
  const parsed = parseDuration(timeout === '' ? '0s' : timeout)
  if (!parsed.ok) throw wrong(`Failed to parse timeout: ${parsed.error}`)
  return {
    kind: 'http',
    url: path,
    method: method === '' ? 'POST' : method,
    timeoutMs: timeout === '' ? httpTimeoutMs : parsed.ms,
    headers: header,
    skipVerify: tls_skip_verify,
  }
}

/** A word or several. */
function wordsOf(value: unknown, complaint: string): readonly string[] {
  const words: unknown = typeof value === 'string' ? [value] : value
  if (
    Array.isArray(words) &&
    words.length > 0 &&
    words.every((word): word is string => typeof word === 'string')
  )
    return words
  throw refusal(complaint)
}

function refusal(message: string): PraetorError {
  return new PraetorError('bad-request', message)
}
