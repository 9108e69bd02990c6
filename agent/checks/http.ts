import { STATUS_CODES } from 'node:http'

import { Agent, request } from 'undici'

import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { describeDialError } from './kind.ts'
import type { CheckResult, PeriodicKind, RunLimits } from './kind.ts'

const redirectsMax = 10

/** Passing for 2xx, a warning for 429, else critical. The end of the body is kept: that is where a page says what went wrong. */
export const httpCheck: PeriodicKind = {
  name: 'http',
  async run(definition, limits) {
    const method = definition.Method === '' ? 'GET' : definition.Method
    // A check must not profit from a connection that still works while new ones are refused.
    const dispatcher = new Agent({
      pipelining: 0,
      connect: { timeout: limits.timeoutMs, rejectUnauthorized: !definition.TLSSkipVerify },
    })
    const deadline = AbortSignal.timeout(limits.timeoutMs)
    try {
      return await get(
        definition,
        method,
        { ...limits, signal: AbortSignal.any([limits.signal, deadline]) },
        dispatcher,
      )
    } catch (error) {
      const problem = deadline.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : describeDialError(hostOf(definition.HTTP), error)
      return { status: 'critical', output: `${titleCase(method)} "${definition.HTTP}": ${problem}` }
    } finally {
      await dispatcher.destroy()
    }
  },
}

async function get(
  definition: CheckDefinition,
  method: string,
  { outputMaxBytes, signal }: RunLimits,
  dispatcher: Agent,
): Promise<CheckResult> {
  let url = definition.HTTP
  for (let hop = 0; ; hop += 1) {
    const { statusCode, headers, body } = await request(url, {
      method,
      headers: requestHeaders(definition),
      ...(definition.Body === '' ? {} : { body: definition.Body }),
      signal,
      dispatcher,
    })
    const tail = await lastBytes(body, outputMaxBytes)
    const { location } = headers
    if (
      statusCode >= 301 &&
      statusCode <= 308 &&
      typeof location === 'string' &&
      hop < redirectsMax
    ) {
      url = new URL(location, url).href
      continue
    }
    return {
      status: statusOf(statusCode),
      output: `HTTP ${method} ${definition.HTTP}: ${statusCode} ${STATUS_CODES[statusCode] ?? ''} Output: ${tail}`,
    }
  }
}

function requestHeaders({ Header }: CheckDefinition): Record<string, string[]> {
  const headers: Record<string, string[]> = {
    'User-Agent': ['Consul Health Check'],
    Accept: ['text/plain, text/*, */*'],
  }
  for (const [name, values] of Object.entries(Header)) headers[name] = [...values]
  return headers
}

function statusOf(code: number): CheckStatus {
  if (code >= 200 && code <= 299) return 'passing'
  return code === 429 ? 'warning' : 'critical'
}

/** Reads all of a body and keeps the last bytes of it. */
async function lastBytes(body: AsyncIterable<Uint8Array>, sizeMaxBytes: number): Promise<string> {
  let kept = Buffer.alloc(0)
  for await (const chunk of body) {
    const both = Buffer.concat([kept, chunk])
    kept = both.subarray(Math.max(0, both.length - sizeMaxBytes))
  }
  return kept.toString('utf8')
}

function hostOf(url: string): string {
  try {
    const { hostname, port, protocol } = new URL(url)
    const usual = protocol === 'https:' ? '443' : '80'
    return `${hostname}:${port === '' ? usual : port}`
  } catch {
    return url
  }
}

/** Go's http.Client names the method as a word: `Get "http://…"`. */
function titleCase(method: string): string {
  return method.charAt(0).toUpperCase() + method.slice(1).toLowerCase()
}
