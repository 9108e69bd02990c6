import type { ServerResponse } from 'node:http'

import { endWith } from './answer.ts'
import { escapePercent, unescapePercent } from './percent.ts'

/**
 * What Go's HTTP server and its mux do to a URL before any handler sees it. Nearly every URL is plain and passes one test; the
 * rest is decoded, refused or sent elsewhere here, so that routes only see paths they can trust.
 */
export type Arrival =
  | { readonly kind: 'route'; readonly url: string }
  /** To the path as it should be, decoded, and the query as it was, with its `?`. */
  | { readonly kind: 'redirect'; readonly path: string; readonly query: string }
  /** A path with a character that can't be printed. */
  | { readonly kind: 'unprintable' }
  /** No URL at all: as if the request could not be parsed. */
  | { readonly kind: 'malformed' }

/** Segments of ordinary characters that don't begin with a dot, one slash between them. */
const plain = /^(?:\/[\w~!$&'()*+,:;=@-][\w.~!$&'()*+,:;=@-]*)*\/?(?:\?|$)/

export const isPlain = (url: string): boolean => plain.test(url)

export function examine(url: string, options: { readonly filterUnprintable: boolean }): Arrival {
  const target = url.replace(/^https?:\/\/[^/?]*/i, '')
  const at = target.indexOf('?')
  const rawPath = at < 0 ? target : target.slice(0, at)
  const query = at < 0 ? '' : target.slice(at)
  if (!rawPath.startsWith('/')) return { kind: 'malformed' }
  const path = unescapePercent(rawPath)
  if (path === undefined) return { kind: 'malformed' }
  if (options.filterUnprintable && unprintable.test(path)) return { kind: 'unprintable' }
  const cleaned = clean(path)
  return cleaned === path
    ? { kind: 'route', url: path.split('/').map(encodeURIComponent).join('/') + query }
    : { kind: 'redirect', path: cleaned, query }
}

/** Go's unicode.IsPrint, which takes a byte that is part of no character for a printable one. */
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} \ufdd0-\ufde7]/u

/** Go's path.Clean, with the closing slash kept. */
export function clean(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const cleaned = `/${kept.join('/')}`
  return path.endsWith('/') && cleaned !== '/' ? `${cleaned}/` : cleaned
}

/** Go's URL.EscapedPath. */
export function escapePath(path: string): string {
  return escapePercent(path).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent)
}

/** Go's http.Redirect: a page for who asked with GET, otherwise the header alone. */
export function redirect(raw: ServerResponse, location: string): void {
  if (raw.req.method !== 'GET' && raw.req.method !== 'HEAD')
    return endWith(raw, 301, ['Location', location, 'Content-Length', 0], '')
  const page = `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n`
  const headers = ['Content-Type', 'text/html; charset=utf-8', 'Location', location]
  return endWith(raw, 301, [...headers, 'Content-Length', Buffer.byteLength(page)], page)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
