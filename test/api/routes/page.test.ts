import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import t, { type Test } from 'tap'

import { directoryPage } from '../../../api/page.ts'
import { type Served, serve } from '../../support/http.ts'

const index = '<!doctype html><html><head><title>x</title></head><body></body></html>'

/** An API that serves a small page from a directory of its own, beside a file that is nobody's business. */
async function servePage(t: Test, uiContentPath = '/ui/'): Promise<Served> {
  const root = t.testdir({
    secret: 'not for you',
    page: {
      'index.html': index,
      assets: { 'app-1.js': 'start()', 'theme.css': 'a{}', 'mark.svg': '<svg/>', odd: 'odd' },
    },
  })
  return serve(t, {}, { page: directoryPage(join(root, 'page')), uiContentPath })
}

t.test(
  'the page and its parts are sent with their types, and again only when they are others',
  async (t) => {
    const { ask } = await servePage(t)
    const cases: readonly [target: string, type: string, body: string][] = [
      ['/ui/', 'text/html; charset=utf-8', index],
      ['/ui/index.html', 'text/html; charset=utf-8', index],
      ['/ui/?x=1', 'text/html; charset=utf-8', index],
      ['/ui/assets/app-1.js', 'text/javascript; charset=utf-8', 'start()'],
      ['/ui/assets/theme.css', 'text/css; charset=utf-8', 'a{}'],
      ['/ui/assets/mark.svg', 'image/svg+xml', '<svg/>'],
      ['/ui/assets/odd', 'application/octet-stream', 'odd'],
    ]
    for (const [target, type, body] of cases) {
      const answer = await ask('GET', target)
      t.match(answer, { status: 200, body }, target)
      t.match(answer.headers, { 'Content-Type': type, 'Cache-Control': 'no-cache' }, target)
      const tag = answer.headers['ETag'] ?? ''
      const again = await ask('GET', target, { headers: { 'If-None-Match': tag } })
      t.match(again, { status: 304, body: '', headers: { ETag: tag } }, target)
      t.notOk(again.headers['Content-Length'])
      t.match(await ask('GET', target, { headers: { 'If-None-Match': 'W/"x"' } }), { status: 200 })
      const head = await ask('HEAD', target)
      t.match(head, { status: 200, body: '', headers: { 'Content-Length': `${body.length}` } })
    }
    const zipped = await ask('GET', '/ui/', { headers: { 'Accept-Encoding': 'gzip' } })
    t.equal(gunzipSync(zipped.bytes).toString(), index)
  },
)

t.test(
  'a path that names no file is the page itself, which finds its parts from there',
  async (t) => {
    const { ask } = await servePage(t)
    t.match(await ask('GET', '/ui/nodes'), { status: 200, body: index })
    for (const target of ['/ui/dc1/services', '/ui/assets/gone.js', '/ui/assets/'])
      t.match(await ask('GET', target), {
        status: 200,
        headers: { 'Content-Type': 'text/html; charset=utf-8' },
        body: index.replace('<head>', '<head><base href="/ui/">'),
      })
    t.match(await ask('PUT', '/ui/'), { status: 405, headers: { Allow: 'OPTIONS,GET,HEAD' } })
  },
)

t.test('nothing outside the directory is sent', async (t) => {
  const { ask } = await servePage(t)
  for (const target of [
    '/ui/../secret',
    '/ui/%2e%2e/secret',
    '/ui/..%2fsecret',
    '/ui/assets/../../secret',
    '/ui/assets/%2e%2e%2f%2e%2e%2fsecret',
    '/ui/..%5csecret',
    '/ui/%2e%2e%5csecret',
    '/ui//etc/passwd',
    '/ui/%2fetc/passwd',
    '/ui/....//secret',
    '/ui/a%00b',
  ]) {
    const answer = await ask('GET', target)
    t.ok([200, 301, 400].includes(answer.status), target)
    t.notMatch(answer.body, /not for you|root:/, target)
  }
})

t.test('the page is where the operator wants it, and the root leads there', async (t) => {
  const { ask } = await servePage(t, '/a/page/')
  t.match(await ask('GET', '/a/page/'), { status: 200, body: index })
  for (const target of ['/', '/a/page'])
    t.match(await ask('GET', target), { status: 301, headers: { Location: '/a/page/' } }, target)
  t.match(await ask('GET', '/ui/'), { status: 404, body: '' })
  const { paths } = JSON.parse((await ask('GET', '/v1/openapi.json')).body)
  t.notMatch(Object.keys(paths).join(), 'page')
})

t.test('a page that was not built says how it is', async (t) => {
  const { ask } = await serve(t, {}, { page: directoryPage('/nowhere/ui') })
  t.match(await ask('GET', '/ui/'), {
    status: 404,
    body: 'There is no web page in /nowhere/ui: "npm run build" makes it.',
  })
  const off = await serve(t, {}, { uiEnabled: false })
  t.match(await off.ask('GET', '/ui/'), { status: 404, body: '' })
  t.match(await off.ask('GET', '/ui'), { status: 404, body: '' })
  t.match(await off.ask('GET', '/'), { status: 200, body: 'Consul Agent' })
})
