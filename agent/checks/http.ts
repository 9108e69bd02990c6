import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { hasHeader } from './exchange.ts'
import { faultText, networkTimeoutMs } from './kind.ts'
import type { PeriodicKind } from './kind.ts'
import { askWeb } from './web.ts'

/** Passing for 2xx, a warning for 429, else critical. Redirects are followed as Go's client does. */
export const httpCheck: PeriodicKind = {
  name: 'http',
  timeoutMs: networkTimeoutMs,
  accepts: ({ HTTP }) => HTTP !== '',
  async run(definition, limits) {
    const method = definition.Method === '' ? 'GET' : definition.Method
    try {
      const { status, reason, body } = await askWeb(
        {
          url: definition.HTTP,
          method,
          body: definition.Body,
          headers: headersOf(definition),
          skipVerify: definition.TLSSkipVerify,
        },
        limits,
      )
      return {
        status: statusOf(status),
        output: `HTTP ${method} ${definition.HTTP}: ${status} ${reason} Output: ${body.text()}`,
      }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}

function headersOf({ Header }: CheckDefinition): Record<string, readonly string[]> {
  return {
    ...(hasHeader(Header, 'user-agent') ? {} : { 'User-Agent': ['Consul Health Check'] }),
    ...(hasHeader(Header, 'accept') ? {} : { Accept: ['text/plain, text/*, */*'] }),
    ...Header,
  }
}

function statusOf(code: number): CheckStatus {
  if (code >= 200 && code <= 299) return 'passing'
  return code === 429 ? 'warning' : 'critical'
}
