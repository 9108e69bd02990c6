import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { encodeQuery, escapePath } from '../../../agent/cli/client.ts'
import { runLine, wordsOf } from '../../support/command-line.ts'

const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const file = (name: string): string => join(directory, name)
await writeFile(file('token'), 'from-file\n')
await writeFile(file('other-token'), 'from-other-file\n')
await writeFile(file('empty'), '')

/** A server that answers each request with what it was asked. */
async function mirror(t: Test): Promise<string> {
  const server = createServer((request, response) => {
    const { 'x-consul-token': token = '', authorization = '' } = request.headers
    response.end(JSON.stringify([`${request.method} ${request.url} ${token}${authorization}`]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('the more particular word about where to ask, and as whom, holds', async (t) => {
  const address = await mirror(t)
  const cases: readonly [env: Record<string, string>, flags: string, asked: string][] = [
    [{}, '', '/v1/catalog/datacenters '],
    [{ CONSUL_HTTP_TOKEN: 'env' }, '', '/v1/catalog/datacenters env'],
    [{ CONSUL_HTTP_TOKEN: 'env' }, '-token=', '/v1/catalog/datacenters env'],
    [{ CONSUL_HTTP_TOKEN: 'env' }, '-token=flag', '/v1/catalog/datacenters flag'],
    [{ CONSUL_HTTP_TOKEN_FILE: file('token') }, '', '/v1/catalog/datacenters from-file'],
    [{ CONSUL_HTTP_TOKEN_FILE: file('token') }, '-token=f', '/v1/catalog/datacenters from-file'],
    [
      { CONSUL_HTTP_TOKEN_FILE: file('token') },
      `-token-file=${file('other-token')}`,
      '/v1/catalog/datacenters from-other-file',
    ],
    [
      { CONSUL_HTTP_TOKEN_FILE: file('empty'), CONSUL_HTTP_TOKEN: 'env' },
      '',
      '/v1/catalog/datacenters env',
    ],
    [{ CONSUL_HTTP_AUTH: 'user:pa:ss' }, '', '/v1/catalog/datacenters Basic dXNlcjpwYTpzcw=='],
    [{ CONSUL_HTTP_AUTH: 'user' }, '', '/v1/catalog/datacenters Basic dXNlcjo='],
    [{ CONSUL_NAMESPACE: 'n' }, '-datacenter=d', '/v1/catalog/datacenters?dc=d&ns=n '],
    [
      { CONSUL_HTTP_ADDR: '127.0.0.1:1' },
      `-http-addr=http://${address}`,
      '/v1/catalog/datacenters ',
    ],
  ]
  for (const [env, flags, asked] of cases) {
    const { out } = await runLine(wordsOf(`catalog datacenters ${flags}`), {
      env: { CONSUL_HTTP_ADDR: address, ...env },
    })
    t.equal(out, `GET ${asked}\n`, JSON.stringify([env, flags]))
  }
})

t.test('why there is no answer is told in the words of Go', async (t) => {
  const address = await mirror(t)
  const get = 'Error querying Consul agent: Get'
  const cases: readonly [env: Record<string, string>, said: string][] = [
    [
      { CONSUL_HTTP_ADDR: '127.0.0.1:1' },
      `${get} "http://127.0.0.1:1/v1/kv/k": dial tcp 127.0.0.1:1: connect: connection refused`,
    ],
    [
      { CONSUL_HTTP_ADDR: 'unix:///nonexistent.sock' },
      `${get} "http://%2Fnonexistent.sock/v1/kv/k": dial unix /nonexistent.sock: connect: no such file or directory`,
    ],
    [
      { CONSUL_HTTP_ADDR: address, CONSUL_HTTP_SSL: 'true' },
      `${get} "https://${address}/v1/kv/k": http: server gave HTTP response to HTTPS client`,
    ],
    [
      { CONSUL_HTTP_ADDR: 'ftp://x' },
      'Error connecting to Consul agent: Unknown protocol scheme: ftp',
    ],
    [
      { CONSUL_HTTP_TOKEN_FILE: '/nonexistent' },
      'Error connecting to Consul agent: Error loading token file: open /nonexistent: no such file or directory',
    ],
    [
      { CONSUL_CACERT: '/nonexistent' },
      'Error connecting to Consul agent: Error loading CA File: open /nonexistent: no such file or directory',
    ],
    [
      { CONSUL_CAPATH: file('token') },
      `Error connecting to Consul agent: Error loading CA Path: Couldn't parse PEM in: ${file('token')}`,
    ],
    [
      { CONSUL_CLIENT_CERT: '/nonexistent' },
      'Error connecting to Consul agent: both client cert and client key must be provided',
    ],
  ]
  for (const [env, said] of cases)
    t.strictSame(await runLine(['kv', 'get', 'k'], { env }), { code: 1, out: '', err: `${said}\n` })
})

t.test('a redirect is followed, and turns a write into a read, as Go has it', async (t) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url === '/v1/kv/a//b')
      response.writeHead(301, { Location: '/v1/kv/a/b' }).end('moved')
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const outcome = await runLine(['kv', 'put', 'a//b', '1'], {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${(server.address() as AddressInfo).port}` },
  })
  t.strictSame(asked, ['PUT /v1/kv/a//b', 'GET /v1/kv/a/b'])
  t.equal(outcome.err, 'Error! Failed writing data: Unexpected response code: 404 ()\n')
})

t.test('an interrupted question ends the command', async (t) => {
  const interruption = new AbortController()
  const server = createServer(() => interruption.abort())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const outcome = await runLine(['kv', 'get', 'k'], {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${(server.address() as AddressInfo).port}` },
    interrupted: interruption.signal,
  })
  t.strictSame(outcome, { code: 130, out: '', err: '' })
})

t.test('paths and queries are escaped as Go escapes them', async (t) => {
  t.equal(
    escapePath('/k!()*[];,:@&=+$"<>|^ %'),
    '/k%21%28%29%2A%5B%5D;,:@&=+$%22%3C%3E%7C%5E%20%25',
  )
  t.equal(
    encodeQuery({ b: ['2', '1'], a: '', c: undefined, d: "a b!*'" }),
    'a=&b=2&b=1&d=a+b%21%2A%27',
  )
})
