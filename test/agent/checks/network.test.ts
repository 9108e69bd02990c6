import { createSocket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { parseAddress } from '../../../agent/checks/dial.ts'
import { dockerCheck } from '../../../agent/checks/docker.ts'
import { grpcCheck } from '../../../agent/checks/grpc.ts'
import { h2PingCheck } from '../../../agent/checks/h2ping.ts'
import { httpCheck } from '../../../agent/checks/http.ts'
import type { PeriodicKind } from '../../../agent/checks/kind.ts'
import { tcpCheck } from '../../../agent/checks/tcp.ts'
import { udpCheck } from '../../../agent/checks/udp.ts'
import type { CheckDefinition } from '../../../server/model/definition.ts'
import { look } from '../../support/check-look.ts'
import type { LookOptions } from '../../support/check-look.ts'
import {
  dockerTarget,
  grpcTarget,
  httpTarget,
  httpsTarget,
  tcpTarget,
} from '../../support/check-targets.ts'
import type { Target } from '../../support/check-targets.ts'
import { trustedIdentity } from '../../support/trusted-identity.ts'

const fixtures = join(import.meta.dirname, '../../server/raft/transport/fixtures')
const identity = {
  key: readFileSync(join(fixtures, 'ours-key.pem'), 'utf8'),
  cert: readFileSync(join(fixtures, 'ours-certificate.pem'), 'utf8'),
}

/** In this host's store, which is read when the first check needs it. */
const trusted = trustedIdentity()
const store = join(t.testdir(), 'store.pem')
writeFileSync(store, trusted.cert)
process.env['SSL_CERT_FILE'] = store
delete process.env['SSL_CERT_DIR']

const at = async (target: Promise<Target>): Promise<string> => {
  const opened = await target
  t.teardown(() => opened[Symbol.asyncDispose]())
  return `127.0.0.1:${opened.port}`
}
const http = await at(httpTarget())
const https = await at(httpsTarget(identity))
const house = await at(httpsTarget(trusted))
const tcp = await at(tcpTarget('hello'))
const grpc = await at(grpcTarget())
const grpcs = await at(grpcTarget(identity))

/** What is asked, and the status and output that come of it. */
type Case = readonly [Partial<CheckDefinition>, 'passing' | 'warning' | 'critical', string]

async function holds(
  test: Test,
  kind: PeriodicKind,
  cases: readonly Case[],
  options: LookOptions = {},
): Promise<void> {
  for (const [definition, status, output] of cases) {
    const { ended: _, ...result } = await look(kind, definition, options)
    test.strictSame(result, { status, output }, JSON.stringify(definition))
  }
}

const unknownName =
  "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
const asked = 'accept-encoding: gzip; accept: text/plain, text/*, */*; connection: close'
const us = 'user-agent: Consul Health Check'

t.test('an HTTP check passes by its status, and quotes the answer', async (t) => {
  const page = (path: string, more: Partial<CheckDefinition> = {}): Partial<CheckDefinition> => ({
    HTTP: `http://${http}${path}`,
    ...more,
  })
  const said = (path: string, answer: string, method = 'GET'): string =>
    `HTTP ${method} http://${http}${path}: ${answer}`
  const echoed = (head: string, tail: string): string => `200 OK Output: ${head}; ${tail}`
  const from = (path: string): string => `referer: http://${http}${path}; ${us}`
  await holds(t, httpCheck, [
    [page('/ok'), 'passing', said('/ok', '200 OK Output: fine')],
    [page('/reason'), 'passing', said('/reason', '299 Quite Well Output: so')],
    [page('/429'), 'warning', said('/429', '429 Too Many Requests Output: as asked')],
    [page('/500'), 'critical', said('/500', '500 Internal Server Error Output: as asked')],
    [page('/304'), 'critical', said('/304', '304 Not Modified Output: ')],
    [page('/gzip'), 'passing', said('/gzip', '200 OK Output: packed and unpacked')],
    [page('/broken'), 'passing', said('/broken', '200 OK Output: half')],
    [page('/echo'), 'passing', said('/echo', echoed('GET', `${asked}; host: ${http}; ${us}; `))],
    [
      page('/echo', { Method: 'POST', Body: 'hi', Header: { Host: ['a.b'], 'X-Y': ['1', '2'] } }),
      'passing',
      said(
        '/echo',
        echoed('POST', `${asked}; content-length: 2; host: a.b; ${us}; x-y: 1, 2; hi`),
        'POST',
      ),
    ],
    [
      page('/302', { Method: 'POST', Body: 'hi' }),
      'passing',
      said('/302', echoed('GET', `${asked}; host: ${http}; ${from('/302')}; `), 'POST'),
    ],
    [
      page('/307', { Method: 'POST', Body: 'hi' }),
      'passing',
      said(
        '/307',
        echoed('POST', `${asked}; content-length: 2; host: ${http}; ${from('/307')}; hi`),
        'POST',
      ),
    ],
    [page('/loop'), 'critical', 'Get "/loop": stopped after 10 redirects'],
    [
      page('/nowhere'),
      'critical',
      `Get "http://${http}/nowhere": 302 response missing Location header`,
    ],
    [page('/gone'), 'critical', `Get "http://${http}/gone": EOF`],
    [
      { HTTP: 'http://u:secret@127.0.0.1:1/' },
      'critical',
      'Get "http://u:***@127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [{ HTTP: `https://${https}/ok` }, 'critical', `Get "https://${https}/ok": ${unknownName}`],
    [
      { HTTP: `https://${https}/ok`, TLSSkipVerify: true },
      'passing',
      `HTTP GET https://${https}/ok: 200 OK Output: fine`,
    ],
    [
      { HTTP: `https://${house}/ok` },
      'passing',
      `HTTP GET https://${house}/ok: 200 OK Output: fine`,
    ],
    [
      { HTTP: `https://${http}/` },
      'critical',
      `Get "https://${http}/": http: server gave HTTP response to HTTPS client`,
    ],
    [
      page('/ok', { Header: { 'a b': ['c'] } }),
      'critical',
      `Get "http://${http}/ok": net/http: invalid header field name "a b"`,
    ],
    [page('/ok', { Method: 'A B' }), 'critical', 'net/http: invalid method "A B"'],
  ])
  await holds(t, httpCheck, [[page('/long'), 'passing', said('/long', '200 OK Output: 6789')]], {
    outputMaxBytes: 4,
  })
})

t.test('an HTTP check that is late has failed, unless an answer had begun', async (t) => {
  await holds(
    t,
    httpCheck,
    [
      [
        { HTTP: `http://${http}/silent` },
        'critical',
        `Get "http://${http}/silent": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      ],
      [
        { HTTP: `http://${http}/stalled` },
        'passing',
        `HTTP GET http://${http}/stalled: 200 OK Output: half`,
      ],
      [
        { HTTP: `http://${http}/gzip-stalled` },
        'passing',
        `HTTP GET http://${http}/gzip-stalled: 200 OK Output: `,
      ],
    ],
    { timeoutMs: 200 },
  )
})

t.test('what is no URL is said in the words of the URL parser', async (t) => {
  await holds(t, httpCheck, [
    [
      { HTTP: '1:2/x' },
      'critical',
      'parse "1:2/x": first path segment in URL cannot contain colon',
    ],
    [{ HTTP: ':x' }, 'critical', 'parse ":x": missing protocol scheme'],
    [{ HTTP: 'host/x' }, 'critical', 'Get "host/x": unsupported protocol scheme ""'],
    [{ HTTP: 'ftp://x/' }, 'critical', 'Get "ftp://x/": unsupported protocol scheme "ftp"'],
    [{ HTTP: 'http:///x' }, 'critical', 'Get "http:///x": http: no Host in request URL'],
    [{ HTTP: 'http://x/%zz' }, 'critical', 'parse "http://x/%zz": invalid URL escape "%zz"'],
    [{ HTTP: 'http://x:y/' }, 'critical', 'parse "http://x:y/": invalid port ":y" after host'],
    [
      { HTTP: 'http://x/\n' },
      'critical',
      'parse "http://x/\\n": net/url: invalid control character in URL',
    ],
  ])
})

t.test('a TCP check passes where somebody accepts', async (t) => {
  await holds(t, tcpCheck, [
    [{ TCP: tcp }, 'passing', `TCP connect ${tcp}: Success`],
    [{ TCP: '127.0.0.1:1' }, 'critical', 'dial tcp 127.0.0.1:1: connect: connection refused'],
    [{ TCP: ':1' }, 'critical', 'dial tcp :1: connect: connection refused'],
    [{ TCP: 'x' }, 'critical', 'dial tcp: address x: missing port in address'],
    [{ TCP: 'x:y' }, 'critical', 'dial tcp: address tcp/y: unknown port'],
    [{ TCP: 'x:99999' }, 'critical', 'dial tcp: address 99999: invalid port'],
    [{ TCP: '::1:80' }, 'critical', 'dial tcp: address ::1:80: too many colons in address'],
    [{ TCP: '[::1' }, 'critical', "dial tcp: address [::1: missing ']' in address"],
  ])
  const over = new AbortController()
  over.abort()
  await holds(t, tcpCheck, [[{ TCP: tcp }, 'critical', `dial tcp ${tcp}: i/o timeout`]], {
    signal: over.signal,
  })
  t.strictSame(parseAddress('tcp', '[::1]:80'), { host: '::1', port: 80 })
  t.strictSame(parseAddress('tcp', 'a:SSH'), { host: 'a', port: 22 })
})

t.test('a UDP check fails only where the host says that nobody listens', async (t) => {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  const UDP = `127.0.0.1:${socket.address().port}`
  const silent = await look(udpCheck, { UDP }, { timeoutMs: 100 })
  t.strictSame(silent, { status: 'passing', output: `UDP connect ${UDP}: Success` })
  socket.on('message', (_, { port, address }) => socket.send('pong', port, address))
  t.equal((await look(udpCheck, { UDP })).status, 'passing')
  const refused = await look(udpCheck, { UDP: '127.0.0.1:1' })
  t.equal(refused.status, 'critical')
  t.match(refused.output, /^read udp 127\.0\.0\.1:\d+->127\.0\.0\.1:1: read: connection refused$/)
  await holds(t, udpCheck, [
    [{ UDP: 'x' }, 'critical', 'dial udp: address x: missing port in address'],
    [
      { UDP: '255.255.255.255:9' },
      'critical',
      'dial udp 255.255.255.255:9: connect: permission denied',
    ],
  ])
})

t.test("a gRPC check asks the server's health service", async (t) => {
  const failed = (code: string, what: string): string => `rpc error: code = ${code} desc = ${what}`
  const unhealthy = "gRPC application didn't report service healthy"
  await holds(t, grpcCheck, [
    [{ GRPC: grpc }, 'passing', `gRPC check ${grpc}: success`],
    [{ GRPC: `${grpc}/up` }, 'passing', `gRPC check ${grpc}/up: success`],
    [{ GRPC: `${grpc}/down` }, 'critical', unhealthy],
    [{ GRPC: `${grpc}/unknown` }, 'critical', unhealthy],
    [{ GRPC: `${grpc}/a/b` }, 'critical', failed('NotFound', 'unknown service: 100%')],
    [
      { GRPC: `${grpc}/${'long'.repeat(50)}` },
      'critical',
      failed('NotFound', 'unknown service: 100%'),
    ],
    [
      { GRPC: `${grpc}/reset` },
      'critical',
      failed('Internal', 'stream terminated by RST_STREAM with error code: INTERNAL_ERROR'),
    ],
    [
      { GRPC: `${grpc}/web` },
      'critical',
      failed(
        'Unknown',
        'OK: HTTP status code 200; transport: received the unexpected content-type "text/html"',
      ),
    ],
    [
      { GRPC: `${grpc}/teapot` },
      'critical',
      failed(
        'Unknown',
        "I'm a teapot: HTTP status code 418; transport: missing content-type field",
      ),
    ],
    [{ GRPC: http }, 'critical', failed('Unavailable', 'connection closed')],
    [
      { GRPC: '127.0.0.1:1' },
      'critical',
      failed(
        'Unavailable',
        'connection error: desc = "transport: Error while dialing dial tcp 127.0.0.1:1: connect: connection refused"',
      ),
    ],
    [
      { GRPC: grpcs, GRPCUseTLS: true },
      'critical',
      failed(
        'Unavailable',
        `connection error: desc = "transport: authentication handshake failed: ${unknownName}"`,
      ),
    ],
    [
      { GRPC: grpcs, GRPCUseTLS: true, TLSSkipVerify: true },
      'passing',
      `gRPC check ${grpcs}: success`,
    ],
  ])
  await holds(
    t,
    grpcCheck,
    [
      [
        { GRPC: `${grpc}/silent` },
        'critical',
        failed('DeadlineExceeded', 'context deadline exceeded'),
      ],
    ],
    { timeoutMs: 200 },
  )
})

t.test('an HTTP/2 ping passes where the server answers it', async (t) => {
  const plain = { H2PingUseTLS: false }
  await holds(t, h2PingCheck, [
    [{ H2PING: grpc, ...plain }, 'passing', 'HTTP2 ping was successful'],
    [{ H2PING: grpcs, TLSSkipVerify: true }, 'passing', 'HTTP2 ping was successful'],
    [{ H2PING: grpcs }, 'critical', `Failed to dial to ${grpcs}: ${unknownName}`],
    [
      { H2PING: '127.0.0.1:1' },
      'critical',
      'Failed to dial to 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [{ H2PING: http, ...plain }, 'critical', 'HTTP2 ping failed: http2: client connection lost'],
  ])
})

t.test('a Docker check runs its command in the container', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'docker-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const socket = join(directory, 'docker.sock')
  const target = await dockerTarget(socket)
  t.teardown(() => target[Symbol.asyncDispose]())
  t.intercept(process, 'env', { value: { ...process.env, DOCKER_HOST: `unix://${socket}` } })
  const run = (DockerContainerID: string): Partial<CheckDefinition> => ({
    DockerContainerID,
    ScriptArgs: ['true', '-x'],
  })
  const failed = (what: string): string => `exec failed for container ${what}`
  await holds(t, dockerCheck, [
    [run('fine'), 'passing', 'output of fine'],
    [run('exit1'), 'warning', 'output of exit1'],
    [run('exit2'), 'critical', 'output of exit2'],
    [
      run('echo'),
      'passing',
      'POST /containers/echo/exec docker application/json {"AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"Cmd":["true","-x"]} | POST /exec/<id>/start docker application/json {"Detach":false,"Tty":true}',
    ],
    [run('absent'), 'critical', 'create exec failed for unknown container absent'],
    [run('paused'), 'critical', 'create exec failed since container paused is paused or stopped'],
    [run('faulty'), 'critical', `create ${failed('faulty with status 500: {"message":"oh no"}')}`],
    [
      run('garbled'),
      'critical',
      'create exec response for container garbled cannot be parsed: unexpected EOF',
    ],
    [run('unstartable'), 'critical', `start ${failed('unstartable: invalid exec id unstartable')}`],
    [run('stopped'), 'critical', 'start exec failed since container stopped is paused or stopped'],
    [run('unfinished'), 'critical', `inspect ${failed('unfinished: invalid exec id unfinished')}`],
    [
      run('unknowable'),
      'critical',
      `inspect ${failed('unknowable with status 500: {"message":"no idea"}')}`,
    ],
  ])
  await holds(t, dockerCheck, [[run('long'), 'passing', 'Captured 4 of 10000 bytes\n...\n6789']], {
    outputMaxBytes: 4,
  })
})
