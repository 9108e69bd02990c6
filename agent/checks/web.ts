import type { Socket } from 'node:net'

import { quote } from '../../server/filter/literal.ts'
import { hostPort } from '../../server/model/host-port.ts'
import type { Authorities } from './authorities.ts'
import { dial } from './dial.ts'
import { exchange, hasHeader } from './exchange.ts'
import type { WebAnswer } from './exchange.ts'
import { handshake, notTls } from './handshake.ts'
import { CheckFault, faultText } from './kind.ts'
import { findSchemeFault, parseUrl, withoutPassword } from './url.ts'

const redirectsMax = 10

export interface WebLimits {
  readonly outputMaxBytes: number
  readonly signal: AbortSignal
  readonly authorities: Authorities
}

/** What is asked first, and how. */
export interface WebCall extends Hop {
  /** Takes any certificate. */
  readonly skipVerify: boolean
}

/** Asks, and follows redirects, as Go's client does. Rejects with a CheckFault in its words where there is no answer. */
export async function askWeb(first: WebCall, limits: WebLimits): Promise<WebAnswer> {
  const { method, skipVerify } = first
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(method))
    throw new CheckFault(`net/http: invalid method ${quote(method)}`)
  parseUrl(first.url)
  let hop: Hop = first
  for (let followed = 0; ; followed += 1) {
    const failed = (url: string, why: string): CheckFault =>
      new CheckFault(`${titleCase(method)} "${withoutPassword(url)}": ${why}`)
    const answer = await ask(hop, skipVerify, limits).catch((error: unknown) => {
      throw failed(hop.url, faultText(error))
    })
    const { status, location } = answer
    const moved = status === 301 || status === 302 || status === 303
    if (moved && location === undefined)
      throw failed(hop.url, `${status} response missing Location header`)
    if (location === undefined || !(moved || status === 307 || status === 308)) return answer
    if (followed + 1 >= redirectsMax)
      throw failed(location, `stopped after ${redirectsMax} redirects`)
    hop = follow(hop, first, location, !moved)
  }
}

/** One hop of a chain of redirects. */
interface Hop {
  readonly url: string
  readonly method: string
  readonly body: string
  readonly headers: Readonly<Record<string, readonly string[]>>
}

async function ask(hop: Hop, skipVerify: boolean, limits: WebLimits): Promise<WebAnswer> {
  const unfit = findSchemeFault(hop.url) ?? findHeaderFault(hop.headers)
  if (unfit !== undefined) throw new CheckFault(unfit)
  const url = new URL(hop.url)
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (secure ? '443' : '80') : url.port
  const socket = await connect(
    hostPort(host, port),
    secure ? { host, skipVerify } : undefined,
    limits,
  )
  return exchange(socket, {
    ...limits,
    host: url.host,
    method: hop.method,
    path: `${url.pathname}${url.search}`,
    headers: { ...credentials(url, hop.headers), ...hop.headers },
    body: hop.body,
  })
}

async function connect(
  address: string,
  tls: { readonly host: string; readonly skipVerify: boolean } | undefined,
  { authorities, signal }: WebLimits,
): Promise<Socket> {
  try {
    const socket = await dial(address, signal)
    return tls === undefined
      ? socket
      : await handshake(socket, { ...tls, authorities, protocols: ['http/1.1'], signal })
  } catch (error) {
    if (signal.aborted)
      throw new CheckFault(
        'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
      )
    throw faultText(error) === notTls
      ? new CheckFault('http: server gave HTTP response to HTTPS client')
      : error
  }
}

/** RFC 9110 §15.4: another page is asked for by GET, the same page elsewhere in the same way. Secrets stay with their host. */
function follow(from: Hop, first: Hop, location: string, isSame: boolean): Hop {
  const before = new URL(from.url)
  const url = new URL(location, before)
  const method = isSame || from.method === 'HEAD' ? from.method : 'GET'
  const isNear = url.hostname === new URL(first.url).hostname
  const isRelative = !/^([a-z][a-z\d+.-]*:|\/\/)/i.test(location)
  const headers = Object.entries(first.headers).filter(
    ([name]) =>
      (isNear || !/^(authorization|www-authenticate|cookie2?)$/i.test(name)) &&
      (isRelative || !/^host$/i.test(name)),
  )
  const referer = new URL(before)
  referer.username = ''
  referer.password = ''
  const isDowngrade = before.protocol === 'https:' && url.protocol === 'http:'
  return {
    url: url.href,
    method,
    body: isSame ? from.body : '',
    headers: {
      ...Object.fromEntries(headers),
      ...(isDowngrade ? {} : { Referer: [referer.href] }),
    },
  }
}

function findHeaderFault(headers: Hop['headers']): string | undefined {
  const wrong = Object.keys(headers).find((name) => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
  return wrong === undefined ? undefined : `net/http: invalid header field name ${quote(wrong)}`
}

/** RFC 7617, from a URL that has a name and a password in it. */
function credentials(url: URL, headers: Hop['headers']): Record<string, readonly string[]> {
  if ((url.username === '' && url.password === '') || hasHeader(headers, 'authorization')) return {}
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { Authorization: [`Basic ${Buffer.from(pair).toString('base64')}`] }
}

/** Go's client names the method as a word: `Get "http://…"`. */
function titleCase(method: string): string {
  return method.charAt(0) + method.slice(1).toLowerCase()
}
