import { open } from 'node:fs/promises'
import { extname, join } from 'node:path'

import { PraetorError } from '../../server/model/errors.ts'
import { endWith } from '../plugins/answer.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Reply, Request } from '../request.ts'

/** A file of the page may measure this much; it is read whole. */
const fileSizeMaxBytes = 16 * 1024 * 1024

/**
 * The web page: the files of a directory. A path that names none of them is the page's own affair, and gets `index.html`. Who
 * keeps a file asks each time whether it is still the same, and is told so without it.
 */
export function pageRoutes(app: App, _ports: ApiPorts, settings: ApiSettings): void {
  const { uiEnabled, uiContentPath, uiDirectory } = settings
  if (!uiEnabled) return
  const answer = async (request: Request, reply: Reply): Promise<void> => {
    const path = request.params['*']
    const file = (await readPart(uiDirectory, path)) ?? (await readIndex(uiDirectory, path))
    if (!file)
      throw new PraetorError(
        'not-found',
        `There is no web page in ${uiDirectory}: "npm run build" makes it.`,
      )
    send(reply, file)
  }
  const readIndex = async (directory: string, path: string): Promise<Part | undefined> => {
    const index = await readPart(directory, 'index.html')
    return index && path.includes('/') ? withBase(index, uiContentPath) : index
  }
  app.get<Asked>(`${uiContentPath}*`, answer)
  app.head<Asked>(`${uiContentPath}*`, answer)
}

interface Part {
  readonly type: string
  readonly bytes: Buffer
  /** Another one whenever the file is written. */
  readonly tag: string
}

/** A file of the directory, or undefined where there is no such file. */
async function readPart(directory: string, path: string): Promise<Part | undefined> {
  // Paths come cleaned of these (plugins/path.ts), but for the backslashes of systems that we don't know.
  if (path.split(/[/\\]/).includes('..')) return undefined
  try {
    await using file = await open(join(directory, path))
    const about = await file.stat()
    if (!about.isFile() || about.size > fileSizeMaxBytes) return undefined
    const type = types[extname(path)] ?? 'application/octet-stream'
    const tag = `W/"${about.mtimeMs.toString(36)}-${about.size.toString(36)}"`
    return { type, bytes: await file.readFile(), tag }
  } catch {
    return undefined
  }
}

/** Seen from further down, the page's parts are not where it thinks they are. */
function withBase(page: Part, contentPath: string): Part {
  const html = page.bytes.toString()
  const bytes = Buffer.from(
    html.replace(/<head>(?!.*<base )/s, `<head><base href="${contentPath}">`),
  )
  return { ...page, bytes }
}

function send(reply: Reply, { type, bytes, tag }: Part): void {
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
