/** One HTTP request, its path exactly as it goes on the wire. `{{name}}` stands for what an earlier step remembered. */
export interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** A string is sent as it is, an object as JSON; `{ bytes: name }` sends a body that was remembered whole. */
  readonly body?: string | object | { readonly bytes: string }
}

export interface HttpStep extends Request {
  readonly kind: 'http'
  readonly name: string
  /** Name → where it is: `header:X-Consul-Index`, `body` for all of it, or a path into the JSON such as `0.ModifyIndex`. */
  readonly remember?: Readonly<Record<string, string>>
  /** Remembered indexes that the answer's indexes are put in order with, so that "greater than before" is compared. */
  readonly after?: readonly string[]
  /**
   * How much of the body is compared: all; all, with lists in any order; the names and types in it; or nothing, where values are
   * measurements.
   */
  readonly compare?: 'all' | 'unordered' | 'shape' | 'nothing'
  /** Only what is at this path in the JSON. */
  readonly within?: string
  /** Ask again until the body has this in it (both programs do some things a moment later). */
  readonly until?: string
  /** Answered only after a while: more than this many milliseconds must have passed, or fewer. */
  readonly timed?: number
}

/** Several blocking reads, then writes: which reads wake, and with what. */
export interface WatchStep {
  readonly kind: 'watch'
  readonly name: string
  readonly watches: readonly string[]
  readonly changes: readonly HttpStep[]
}

export interface DnsStep {
  readonly kind: 'dns'
  readonly name: string
  readonly question: string
  readonly type: string
  readonly tcp?: boolean
  /** An OPT record that offers this many bytes; absent: none. */
  readonly edns?: number
  /** Which of many answers come is chance: compare how many there are. */
  readonly sampled?: boolean
  readonly opcode?: number
}

/** A time that both programs are given to do something by themselves. */
export interface PauseStep {
  readonly kind: 'pause'
  readonly name: string
  readonly ms: number
}

export type Step = HttpStep | WatchStep | DnsStep | PauseStep

/** Steps that stand alone: what they need they make, and what they made they take away. */
export interface Family {
  readonly name: string
  readonly steps: readonly Step[]
}

type Extra = Partial<Omit<HttpStep, 'kind' | 'method' | 'path'>>

export const get = (path: string, extra: Extra = {}): HttpStep => request('GET', path, extra)

export const put = (path: string, body?: HttpStep['body'], extra: Extra = {}): HttpStep =>
  request('PUT', path, body === undefined ? extra : { ...extra, body })

export const del = (path: string, extra: Extra = {}): HttpStep => request('DELETE', path, extra)

export function request(method: string, path: string, extra: Extra = {}): HttpStep {
  return { kind: 'http', name: `${method} ${path}`, method, path, ...extra }
}

export const watch = (
  name: string,
  watches: readonly string[],
  ...changes: readonly HttpStep[]
): WatchStep => ({ kind: 'watch', name, watches, changes })

export const pause = (ms: number, name: string): PauseStep => ({ kind: 'pause', name, ms })

export const dig = (
  question: string,
  type: string,
  extra: Partial<Omit<DnsStep, 'kind' | 'question' | 'type'>> = {},
): DnsStep => ({
  kind: 'dns',
  name: `dig ${question} ${type}${extra.tcp ? ' +tcp' : ''}${extra.edns === undefined ? '' : ` +bufsize=${extra.edns}`}`,
  question,
  type,
  ...extra,
})
