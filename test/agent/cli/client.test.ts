import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import forge from 'node-forge'
import t from 'tap'
import type { Test } from 'tap'

import { encodeQuery, escapePath } from '../../../agent/request-target.ts'
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
    const { headers, method, url } = request
    const token = String(headers['x-consul-token'] ?? headers.authorization ?? '')
    response.end(JSON.stringify([`${method} ${url} ${token}`]))
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

/** A certificate for `localhost` that signs itself, and its key. */
function selfSigned(): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [key, pub] = [
    privateKey.export({ type: 'pkcs1', format: 'pem' }),
    publicKey.export({ type: 'spki', format: 'pem' }),
  ]
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(pub)
  certificate.serialNumber = '01'
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000)
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000)
  const name = [{ name: 'commonName', value: 'localhost' }]
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key }
}

t.test('over TLS the agent is known by its certificate', async (t) => {
  const pair = selfSigned()
  await writeFile(file('ca.pem'), pair.cert)
  await mkdir(file('authorities'))
  await writeFile(file('authorities/ca.pem'), pair.cert)
  const server = createTlsServer(pair, (_request, response) => response.end('["dc1"]'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const url = `https://127.0.0.1:${port}`
  const trusted = { CONSUL_HTTP_ADDR: url, CONSUL_CACERT: file('ca.pem') }
  const failure = `Error listing datacenters: Get "${url}/v1/catalog/datacenters": x509:`
  const cases: readonly [env: Record<string, string>, said: string][] = [
    [{ CONSUL_HTTP_ADDR: url }, `${failure} certificate signed by unknown authority\n`],
    [
      trusted,
      `${failure} cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs\n`,
    ],
    [
      { ...trusted, CONSUL_TLS_SERVER_NAME: 'other.example' },
      `${failure} certificate is valid for localhost, not other.example\n`,
    ],
    [{ ...trusted, CONSUL_TLS_SERVER_NAME: 'localhost' }, 'dc1\n'],
    [{ CONSUL_HTTP_ADDR: url, CONSUL_HTTP_SSL_VERIFY: 'false' }, 'dc1\n'],
    [
      {
        CONSUL_HTTP_ADDR: `127.0.0.1:${port}`,
        CONSUL_HTTP_SSL: 'true',
        CONSUL_CAPATH: file('authorities'),
        CONSUL_TLS_SERVER_NAME: 'localhost',
      },
      'dc1\n',
    ],
  ]
  for (const [env, said] of cases) {
    const { out, err } = await runLine(['catalog', 'datacenters'], { env })
    t.equal(out + err, said, JSON.stringify(env))
  }
})

t.test('an agent may be behind a Unix socket', async (t) => {
  const server = createServer((request, response) => response.end(JSON.stringify([request.url])))
  await new Promise<void>((resolve) => server.listen(file('http.sock'), resolve))
  t.teardown(() => server.close())
  const env = { CONSUL_HTTP_ADDR: `unix://${file('http.sock')}` }
  t.equal((await runLine(['catalog', 'datacenters'], { env })).out, '/v1/catalog/datacenters\n')
})
