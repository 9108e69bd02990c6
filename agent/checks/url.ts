import { quote } from '../../server/filter/literal.ts'
import { CheckFault } from './kind.ts'

/** Reads a URL that a check asks for; throws a CheckFault in the words of Go's URL parser. */
export function parseUrl(text: string): URL {
  const fault = findUrlFault(text)
  if (fault !== undefined) throw new CheckFault(`parse ${quote(text)}: ${fault}`)
  const { scheme, rest } = splitScheme(text)
  // A URL must have a scheme to be one here, and Go only misses it when it dials.
  return new URL(scheme === '' ? `none://${rest}` : text)
}

/** What Go says of a URL that can be read and not be dialled. */
export function findSchemeFault(text: string): string | undefined {
  const { scheme, rest } = splitScheme(text)
  if (scheme !== 'http' && scheme !== 'https') return `unsupported protocol scheme ${quote(scheme)}`
  return /^\/\/[^/?#]/.test(rest) ? undefined : 'http: no Host in request URL'
}

/** The URL as errors show it: no password is printed. */
export function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/[^/?#:@]*):[^/?#@]*@/i, '$1:***@')
}

function splitScheme(text: string): { readonly scheme: string; readonly rest: string } {
  const scheme = /^[a-z][a-z\d+.-]*(?=:)/i.exec(text)?.[0] ?? ''
  return {
    scheme: scheme.toLowerCase(),
    rest: scheme === '' ? text : text.slice(scheme.length + 1),
  }
}

function findUrlFault(text: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- those are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'net/url: invalid control character in URL'
  if (text === '') return 'empty url'
  if (text.startsWith(':')) return 'missing protocol scheme'
  const { scheme, rest } = splitScheme(text)
  const [path = ''] = rest.split(/[?#]/)
  if (scheme === '' && (path.split('/')[0] ?? '').includes(':'))
    return 'first path segment in URL cannot contain colon'
  const authority = /^\/\/([^/?#]*)/.exec(rest)?.[1] ?? ''
  const port = /:([^:\]]*)$/.exec(authority.replace(/^.*@/, ''))?.[1] ?? ''
  if (!/^\d*$/.test(port)) return `invalid port ${quote(`:${port}`)} after host`
  const escape = /%(?![\da-f]{2}).{0,2}/i.exec(path)?.[0]
  return escape === undefined ? undefined : `invalid URL escape ${quote(escape)}`
}
