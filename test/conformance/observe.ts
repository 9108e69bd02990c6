import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

import { assertNever } from '../../server/model/assert.ts'
import { decodeJson, encodeJson } from '../../server/model/json.ts'
import { ask } from './ask.ts'
import { type Answer, exchange } from './exchange.ts'
import { mask, shapeOf, sortLists } from './mask.ts'
import type { Observation } from './observation.ts'
import type { Peer } from './peer.ts'
import type { HttpStep, Request, Step, WatchStep } from './step.ts'

const untilMs = 8000
const watchWaitMs = 1200
/** Long enough for a blocking read to have begun, before what should wake it. */
const watchBeginsMs = 150

export async function observe(step: Step, peer: Peer): Promise<Observation> {
  switch (step.kind) {
    case 'http':
      return observeHttp(step, peer)
    case 'watch':
      return observeWatches(step, peer)
    case 'dns':
      return ask(step, peer)
    case 'pause':
      await sleep(step.ms)
      return new Map()
    default:
      return assertNever(step)
  }
}

async function observeHttp(step: HttpStep, peer: Peer): Promise<Observation> {
  const deadline = Date.now() + untilMs
  for (;;) {
    let answer: Answer
    try {
      answer = await send(step, peer)
    } catch (error) {
      return new Map([['failure', (error as Error).message]])
    }
    if (step.until !== undefined && !answer.body.toString().includes(step.until)) {
      if (Date.now() > deadline) return new Map([['failure', `never answered ${step.until}`]])
      await sleep(40)
      continue
    }
    remember(step, peer, answer)
    return describe(step, peer, answer)
  }
}

function send({ method, path, headers = {}, body }: Request, peer: Peer): Promise<Answer> {
  const filled = (text: string): string =>
    text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(peer.remembered.get(name) ?? '?'))
  return exchange(peer.ports.http, {
    method,
    path: filled(path),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, filled(value)]),
    ),
    ...(body === undefined ? {} : { body: bodyOf(body, peer, filled) }),
  })
}

function bodyOf(
  body: NonNullable<Request['body']>,
  peer: Peer,
  filled: (text: string) => string,
): string | Buffer {
  if (typeof body === 'string') return filled(body)
  if ('bytes' in body && typeof body.bytes === 'string')
    return peer.remembered.get(body.bytes) ?? Buffer.alloc(0)
  return filled(JSON.stringify(body))
}

function remember({ remember: wanted = {} }: HttpStep, peer: Peer, answer: Answer): void {
  for (const [name, where] of Object.entries(wanted)) {
    const value = where.startsWith('header:')
      ? headerOf(answer, where.slice('header:'.length))
      : where === 'body'
        ? answer.body
        : valueAt(answer.body.toString(), where)
    if (value !== undefined) peer.remembered.set(name, value)
  }
}

function headerOf({ headers }: Answer, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1]
}

function valueAt(text: string, path: string): string | undefined {
  try {
    const value = at(decodeJson(text), path)
    return typeof value === 'string'
      ? value
      : JSON.stringify(value, (_, inner: unknown) =>
          typeof inner === 'bigint' ? inner.toString() : inner,
        )
  } catch {
    return undefined
  }
}

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce((member, name) => (member as Record<string, unknown>)[name], value)
}

/** Says nothing to a reader of the answer: when, and how the connection is kept and the body cut. */
const unseen = new Set(['date', 'content-length', 'transfer-encoding'])

function describe(step: HttpStep, peer: Peer, answer: Answer): Observation {
  const seen = new Map<string, string>([['status', String(answer.status)]])
  const head = answer.headers.map(([name, value]) => `${name}: ${value}`).join('\n')
  const { body, text } = comparable(step, answer)
  const others = (step.after ?? []).map((name) => String(peer.remembered.get(name)))
  const [maskedHead = '', maskedBody = ''] = mask(`${head}${boundary}${text}`, peer, others).split(
    boundary,
  )
  for (const line of maskedHead.split('\n')) {
    const [name = ''] = line.split(':', 1)
    if (line !== '' && !unseen.has(name.toLowerCase()))
      seen.set(`header ${name}`, line.slice(name.length + 2))
  }
  const length = headerOf(answer, 'content-length')
  if (length !== undefined && Number(length) !== answer.body.length && step.method !== 'HEAD')
    seen.set('header Content-Length', `${length}, with ${answer.body.length} bytes`)
  if (body) seen.set('body', maskedBody)
  if (step.timed !== undefined)
    seen.set(
      'time',
      answer.elapsedMs < step.timed ? `under ${step.timed} ms` : `${step.timed} ms or more`,
    )
  return seen
}

const boundary = '\n\n<body>\n'

function comparable(step: HttpStep, answer: Answer): { body: boolean; text: string } {
  if (step.compare === 'nothing') return { body: false, text: '' }
  const bytes =
    answer.body.length > 0 && headerOf(answer, 'content-encoding') === 'gzip'
      ? gunzipSync(answer.body)
      : answer.body
  const text = bytes.toString()
  if (!step.within && step.compare !== 'shape' && step.compare !== 'unordered')
    return { body: true, text }
  try {
    const whole = decodeJson(text)
    const part = step.within === undefined ? whole : at(whole, step.within)
    return { body: true, text: encodeJson(reduced(part, step.compare), { pretty: true }) }
  } catch {
    return { body: true, text }
  }
}

function reduced(value: unknown, compare: HttpStep['compare']): unknown {
  if (compare === 'shape') return shapeOf(value)
  return compare === 'unordered' ? sortLists(value) : value
}

async function observeWatches(step: WatchStep, peer: Peer): Promise<Observation> {
  const seen = new Map<string, string>()
  const finished = await Promise.all(
    step.watches.map(async (path) => {
      const first = await exchange(peer.ports.http, { method: 'GET', path })
      const index = headerOf(first, 'x-consul-index') ?? '0'
      const query = `${path.includes('?') ? '&' : '?'}index=${index}&wait=${watchWaitMs}ms`
      return {
        path,
        index,
        blocked: exchange(peer.ports.http, { method: 'GET', path: path + query }),
      }
    }),
  )
  await sleep(watchBeginsMs)
  for (const change of step.changes) {
    const answer = await send(change, peer)
    remember(change, peer, answer)
    seen.set(
      `then ${change.method} ${change.path}`,
      mask(`${answer.status} ${answer.body.toString()}`, peer),
    )
  }
  for (const { path, index, blocked } of finished) {
    const answer = await blocked
    const now = headerOf(answer, 'x-consul-index') ?? '0'
    const moved =
      BigInt(now) === BigInt(index) ? 'same' : BigInt(now) > BigInt(index) ? 'greater' : 'lower'
    const woken = answer.elapsedMs < watchWaitMs ? 'woken' : 'waited'
    seen.set(`watch ${path}`, `${woken}, ${answer.status}, index ${moved}`)
    seen.set(`watch ${path} body`, mask(answer.body.toString(), peer))
  }
  return seen
}
