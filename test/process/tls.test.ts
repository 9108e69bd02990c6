import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

import t from 'tap'

import { type AgentProcess, freePort, startAgentProcess } from '../support/agent-process.ts'
import {
  type CertificateFiles,
  createAuthority,
  type TestAuthority,
} from '../support/certificates.ts'
import { runLine } from '../support/command-line.ts'
import { patienceMs, threeServers, until } from '../support/server-set.ts'

t.setTimeout(4 * patienceMs)

const ours = await createAuthority(t)
const theirs = await createAuthority(t)
const server = await ours.issue('server.dc1.consul')
const client = await ours.issue('client.dc1.consul')

t.test('servers and clients prove who they are, and nobody else gets in', async (t) => {
  const hcl = (identity: CertificateFiles, authority: TestAuthority = ours): string =>
    `${identityOf(identity, authority)} verify_incoming = true verify_server_hostname = true`
  const set = await threeServers(t, { hcl: hcl(server) })
  await using first = await set.start(0)
  await using second = await set.start(1)
  await using third = await set.start(2)
  for (const agent of [first, second, third]) await agent.untilLeading()
  await using known = await set.startClient('known', [`-hcl=${hcl(client)}`])
  await known.untilLeading()

  t.equal((await known.ask('PUT', '/kv/a', 'b')).text, 'true')
  for (const agent of [first, second, third])
    t.equal((await agent.ask('GET', '/kv/a?raw')).text, 'b', 'followers have it by Raft')
  const snapshot = await known.ask('GET', '/snapshot')
  t.equal(snapshot.status, 200, 'a snapshot goes over TLS too')

  await t.test('who speaks without TLS', async (t) => {
    t.ok(await isTurnedAway(portOf(set.addressOf(0)), Uint8Array.of(4)))
    await until(
      () => first.output(),
      (output) => output.includes('Non-TLS connection attempted with VerifyIncoming set'),
    )
  })
  const refused: readonly [what: string, hcl: string, said: RegExp][] = [
    ['who calls in the clear', '', /rpc error making call: (EOF|.*reset)|No cluster leader|EOF/],
    [
      'who is of another authority',
      `${identityOf(await theirs.issue('client.dc1.consul'), ours)} verify_outgoing = true`,
      /./,
    ],
    [
      'who trusts another authority',
      hcl(await theirs.issue('other.dc1.consul'), theirs),
      /x509: certificate signed by unknown authority/,
    ],
    [
      'who looks for servers of another name',
      `${hcl(client)} domain = "elsewhere"`,
      /x509: certificate is valid for server\.dc1\.consul, localhost, not server\.dc1\.elsewhere/,
    ],
  ]
  for (const [at, [what, settings, said]] of refused.entries())
    await t.test(what, async (t) => {
      await using stranger = await set.startClient(`stranger-${at}`, [`-hcl=${settings}`])
      // It is in the pool, whose gossip has keys of its own, and so it knows the servers.
      await until(
        () => stranger.ask('GET', '/agent/members'),
        ({ text }) => text.includes('"s0"'),
      )
      const answer = await until(
        () => stranger.ask('GET', '/kv/a'),
        ({ text }) => text !== 'No known Consul servers',
      )
      t.equal(answer.status, 500)
      t.match(answer.text, said)
    })
})

t.test('HTTPS, and the command line over it', async (t) => {
  const port = await freePort()
  await using agent = await startSecure(server, port, 'verify_incoming_https = true')
  const trusted = ['-ca-file', ours.caFile]
  const proof = ['-client-cert', client.certFile, '-client-key', client.keyFile]
  const lines: readonly [what: string, words: readonly string[], code: number, said: RegExp][] = [
    ['with a certificate', [...trusted, ...proof], 0, /^n1 /m],
    [
      'by the name in it',
      [...trusted, ...proof, '-tls-server-name', 'server.dc1.consul'],
      0,
      /^n1 /m,
    ],
    ['without one', trusted, 1, /./],
    ['by another name', [...trusted, ...proof, '-tls-server-name', 'other'], 1, /x509|certificate/],
    ['that trusts others', ['-ca-file', theirs.caFile, ...proof], 1, /x509|certificate/],
  ]
  for (const [what, words, code, said] of lines) {
    const outcome = await runLine(['members', `-http-addr=https://127.0.0.1:${port}`, ...words])
    t.equal(outcome.code, code, what)
    t.match(outcome.out + outcome.err, said, what)
  }
  const plain = await fetch(`http://127.0.0.1:${port}/v1/agent/self`)
  t.equal(plain.status, 400)
  t.equal(await plain.text(), 'Client sent an HTTP request to an HTTPS server.\n')
  t.equal((await agent.ask('GET', '/agent/self')).status, 200, 'HTTP is there as before')

  await t.test('large values and streams go both ways', async (t) => {
    const value = 'x'.repeat(400_000)
    const ask = (method: string, path: string, body?: string): Promise<string> =>
      askSecurely(port, client, method, path, body)
    t.equal((await ask('PUT', '/v1/kv/big', value)).trim(), 'true')
    t.equal(await ask('GET', '/v1/kv/big?raw'), value)
    const saved = await ask('GET', '/v1/snapshot')
    t.ok(saved.length > 0)
  })
})

t.test(
  'a reload takes on new certificates, and keeps the old ones where the new are wrong',
  async (t) => {
    const port = await freePort()
    const identity = await ours.issue('reload.dc1.consul')
    await using agent = await startSecure(identity, port, '')
    const before = await serialOf(port)
    await ours.issue('reload.dc1.consul')
    t.equal(await serialOf(port), before)
    t.equal((await agent.ask('PUT', '/agent/reload')).status, 200)
    const after = await serialOf(port)
    t.not(after, before)

    await writeFile(identity.certFile, await readFile(server.certFile))
    const failed = await agent.ask('PUT', '/agent/reload')
    t.equal(failed.status, 500)
    t.equal(
      failed.text,
      'Failed reloading tls configuration: Failed to load cert/key pair: tls: private key does not match public key',
    )
    t.equal(await serialOf(port), after)
  },
)

t.test('checks show the certificate of the agent, where it is told so', async (t) => {
  const port = await freePort()
  await using agent = await startSecure(
    server,
    port,
    'verify_incoming_https = true enable_agent_tls_for_checks = true server_name = "server.dc1.consul"',
  )
  const check = { Name: 'own', HTTP: `https://127.0.0.1:${port}/v1/status/leader`, Interval: '1s' }
  t.equal((await agent.ask('PUT', '/agent/check/register', JSON.stringify(check))).status, 200)
  const { text } = await until(
    () => agent.ask('GET', '/agent/checks'),
    (answer) => answer.text.includes('200 OK'),
  )
  t.match(JSON.parse(text), { own: { Status: 'passing' } })
})

t.test('an agent does not start without what it is told to prove', async (t) => {
  const cases: readonly [hcl: string, fault: string][] = [
    ['verify_outgoing = true', 'VerifyOutgoing set, and no CA certificate provided!'],
    [
      'ca_file = "/nowhere.pem"',
      'Error loading from /nowhere.pem: open /nowhere.pem: no such file or directory',
    ],
  ]
  for (const [hcl, fault] of cases) {
    await using agent = await startAgentProcess({ args: ['-dev', `-hcl=${hcl}`] })
    t.equal(await agent.exited, 1)
    t.equal(agent.output(), `==> ${fault}\n`)
  }
})

function identityOf({ certFile, keyFile }: CertificateFiles, { caFile }: TestAuthority): string {
  return `ca_file = "${caFile}" cert_file = "${certFile}" key_file = "${keyFile}"`
}

async function startSecure(
  identity: CertificateFiles,
  port: number,
  hcl: string,
): Promise<AgentProcess> {
  const agent = await startAgentProcess({
    args: ['-dev', '-node=n1', `-https-port=${port}`, `-hcl=${identityOf(identity, ours)} ${hcl}`],
  })
  await agent.untilLeading()
  return agent
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** Whether the connection ends without an answer. */
function isTurnedAway(port: number, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.once('data', () => resolve(false))
    socket.once('error', () => resolve(true))
    socket.once('close', () => resolve(true))
  })
}

/** Of the certificate that is shown there now. */
function serialOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

async function askSecurely(
  port: number,
  { certFile, keyFile }: CertificateFiles,
  method: string,
  path: string,
  body?: string,
): Promise<string> {
  const [ca, cert, key] = await Promise.all(
    [ours.caFile, certFile, keyFile].map((file) => readFile(file)),
  )
  const identity = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  const asked = request({ host: '127.0.0.1', port, method, path, ...identity, agent: false })
  asked.end(body)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  asked.once('error', reject)
  asked.once('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('error', reject)
    response.once('end', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
  return promise
}
