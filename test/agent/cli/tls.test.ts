import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:tls'

import t from 'tap'

import { der, integer, oid, readAll, tags, time } from '../../../agent/cli/tls/der.ts'
import { runLine, wordsOf } from '../../support/command-line.ts'

process.chdir(t.testdir({ 'junk.pem': 'junk' }))

const made = (name: string): X509Certificate => new X509Certificate(readFileSync(`${name}.pem`))

async function create(line: string): Promise<readonly string[]> {
  const { code, out, err } = await runLine(wordsOf(`tls ${line}`))
  return code === 0 && err === '' ? out.trimEnd().split('\n') : [err.trimEnd()]
}

t.test('numbers, names and times are encoded as X.690 says', async (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  t.equal(hex(integer(Buffer.from([0]))), '020100')
  t.equal(hex(integer(Buffer.from([0, 0, 0x7f]))), '02017f')
  t.equal(hex(integer(Buffer.from([0x80]))), '02020080')
  t.equal(hex(oid('1.2.840.10045.4.3.2')), '06082a8648ce3d040302')
  t.equal(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1', 2), '491231235959Z')
  t.equal(time(Date.UTC(2050, 0, 1)).toString('latin1', 2), '20500101000000Z')
  for (const length of [0, 1, 127, 128, 255, 256, 65_536]) {
    const whole = der(tags.bytes, Buffer.alloc(length, 7))
    const [element, ...more] = readAll(whole)
    t.strictSame(element, {
      tag: tags.bytes,
      content: whole.subarray(-length || whole.length),
      whole,
    })
    t.strictSame(more, [])
  }
})

t.test('an authority signs what agents trust each other by', async (t) => {
  t.strictSame(await create('ca create'), [
    '==> Saved consul-agent-ca.pem',
    '==> Saved consul-agent-ca-key.pem',
  ])
  t.strictSame(await create('ca create'), ['consul-agent-ca.pem already exists.'])
  const ca = made('consul-agent-ca')
  t.equal(ca.ca, true)
  t.ok(ca.verify(ca.publicKey))
  t.equal(statSync('consul-agent-ca-key.pem').mode & 0o777, 0o600)

  const server = await create('cert create -server -node=n1 -dc=dc2')
  t.match(server[0], /^==> WARNING: Server Certificates/)
  t.strictSame(server.slice(-3), [
    '==> Using consul-agent-ca.pem and consul-agent-ca-key.pem',
    '==> Saved dc2-server-consul-0.pem',
    '==> Saved dc2-server-consul-0-key.pem',
  ])
  const more = '-additional-dnsname=a.b -additional-ipaddress=10.0.0.1 -additional-ipaddress=::1'
  t.match(await create(`cert create -client ${more}`), [/Using/, /dc1-client-consul-0.pem$/])
  t.match(await create('cert create -client'), [/Using/, /dc1-client-consul-1.pem$/])
  t.match(await create('cert create -cli'), [/Using/, /dc1-cli-consul-0.pem$/])

  const [serverAuth, clientAuth] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']
  const rows = [
    [
      'dc2-server-consul-0',
      'CN=server.dc2.consul',
      'DNS:n1.server.dc2.consul, DNS:server.dc2.consul, DNS:localhost, IP Address:127.0.0.1',
      [serverAuth, clientAuth],
    ],
    [
      'dc1-client-consul-0',
      'CN=client.dc1.consul',
      'DNS:a.b, DNS:client.dc1.consul, DNS:localhost, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:127.0.0.1',
      [clientAuth, serverAuth],
    ],
    ['dc1-cli-consul-0', 'CN=cli.dc1.consul', 'DNS:cli.dc1.consul, DNS:localhost', undefined],
  ] as const
  for (const [name, subject, names, purposes] of rows) {
    const one = made(name)
    t.ok(one.verify(ca.publicKey) && one.checkIssued(ca), name)
    t.strictSame([one.subject, one.subjectAltName, one.ca], [subject, names, false])
    t.strictSame(one.keyUsage, purposes, name)
  }
})

t.test('what it signed holds on a connection', async (t) => {
  const pem = (name: string): Buffer => readFileSync(`${name}.pem`)
  const own = (name: string) => ({
    ca: pem('consul-agent-ca'),
    cert: pem(name),
    key: pem(`${name}-key`),
  })
  const server = createServer(
    { ...own('dc2-server-consul-0'), requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
  )
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  const socket = connect({
    ...own('dc1-client-consul-0'),
    port,
    host: '127.0.0.1',
    servername: 'server.dc2.consul',
  })
  const chunks = await Array.fromAsync(socket as AsyncIterable<Buffer>)
  t.equal(Buffer.concat(chunks).toString(), 'client.dc1.consul')
})

t.test('what nobody would trust is not made', async (t) => {
  await create('ca create -domain=q -name-constraint -additional-name-constraint=x.y')
  t.match(await create('cert create -client -domain=q -additional-dnsname=a.x.y'), [/Using/])
  const unspoken = await create('cert create -client -domain=q -additional-dnsname=ax.y')
  t.match(unspoken, [/DNS name "ax.y" is not permitted by any constraint$/])
  writeFileSync('pkcs8.pem', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n')
  const rows: readonly (readonly [line: string, error: RegExp])[] = [
    ['', /^Please provide either -server, -client, or -cli$/],
    ['-server -cli', /^Please provide either -server, -client, or -cli$/],
    ['-client -node=x', /^-node requires -server$/],
    ['-client -domain=none', /^Error reading CA: open none-agent-ca.pem: no such file/],
    ['-client -key=none', /^Error reading CA key: open none: no such file/],
    ['-client -ca=junk.pem', /^no PEM-encoded data found$/],
    ['-client -ca=consul-agent-ca-key.pem', /^first PEM-block should be CERTIFICATE type$/],
    ['-client -key=pkcs8.pem', /^unknown PEM block type for signing key: PRIVATE KEY$/],
    ['-client -key=q-agent-ca-key.pem', /^x509: certificate signed by unknown authority/],
    ['-client -days=0', /^x509: certificate has expired or is not yet valid/],
    ['-client -additional-ipaddress=x', /^failed to parse certificate$/],
  ]
  for (const [flags, error] of rows) {
    const [said] = await create(`cert create ${flags}`)
    t.match(said, error, flags)
  }
})
