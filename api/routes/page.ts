import { extname } from 'node:path'

import { PraetorError } from '../../server/model/errors.ts'
import type { PageFile } from '../page.ts'
import { endWith } from '../plugins/answer.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Reply, Request } from '../request.ts'

/**
 * The web page. A path that names none of its files is the page's own affair, and gets `index.html`. Who keeps a file asks each
 * time whether it is still the same, and is told so without it.
 */
export function pageRoutes(app: App, _ports: ApiPorts, settings: ApiSettings): void {
  const { uiEnabled, uiContentPath, page } = settings
  if (!uiEnabled) return
  const answer = async (request: Request, reply: Reply): Promise<void> => {
    const path = request.params['*']
    // Paths come cleaned of these (plugins/path.ts), but for the backslashes of systems that we don't know.
    const file = path.split(/[/\\]/).includes('..') ? undefined : await page.read(path)
    if (file !== undefined) return send(reply, file, extname(path))
    const index = await page.read('index.html')
    if (index === undefined) throw new PraetorError('not-found', page.missing)
    send(reply, path.includes('/') ? withBase(index, uiContentPath) : index, '.html')
  }
  app.get<Asked>(`${uiContentPath}*`, answer)
  app.head<Asked>(`${uiContentPath}*`, answer)
}

/** Seen from further down, the page's parts are not where it thinks they are. */
function withBase(page: PageFile, contentPath: string): PageFile {
  const html = page.bytes.toString()
  const bytes = Buffer.from(
    html.replace(/<head>(?!.*<base )/s, `<head><base href="${contentPath}">`),
  )
  return { ...page, bytes }
}

function send(reply: Reply, { bytes, tag }: PageFile, extension: string): void {
  const type = types[extension] ?? 'application/octet-stream'
  const headers = ['ETag', tag, 'Cache-Control', 'no-cache', 'X-Content-Type-Options', 'nosniff']
  // RFC 9110 §15.4.5: nothing about the content that isn't sent.
  if (reply.request.headers['if-none-match'] === tag) endWith(reply.raw, 304, headers, '')
  else reply.typed(type, bytes, headers)
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}
