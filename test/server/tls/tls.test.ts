import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import t from 'tap'

import { contextOf, findTlsFault, incoming, outgoing } from '../../../server/tls/contexts.ts'
import { readMaterial } from '../../../server/tls/material.ts'
import type { TlsFiles, TlsMaterial } from '../../../server/tls/material.ts'
import type { TlsOptions } from '../../../server/tls/options.ts'
import { Tls } from '../../../server/tls/tls.ts'
import { noTls } from '../../support/tls.ts'

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../raft/transport/fixtures', `${name}.pem`), 'utf8')

const [authority, other] = [fixture('ours-authority'), fixture('theirs-authority')]
const [cert, key] = [fixture('ours-certificate'), fixture('ours-key')]
const disk: Readonly<Record<string, string>> = {
  '/ca.pem': authority,
  '/both.pem': `${authority}\n${other}`,
  '/cert.pem': cert,
  '/key.pem': key,
  '/their-key.pem': fixture('theirs-key'),
  '/bad.pem': 'bad\n',
  '/torn.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  '/torn-key.pem': '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n',
  '/many/b/two.pem': other,
  '/many/a.pem': authority,
}
const directories: Readonly<Record<string, readonly string[]>> = {
  '/many': ['b', 'a.pem'],
  '/many/b': ['two.pem'],
  '/empty': [],
}

const files: TlsFiles = {
  kind: (path) => (path in disk ? 'file' : path in directories ? 'directory' : 'none'),
  list: (path) => directories[path] ?? [],
  read(path) {
    const text = disk[path]
    if (text === undefined) throw new Error(`open ${path}: no such file or directory`)
    return text
  },
}

const all = { caFile: '/ca.pem', certFile: '/cert.pem', keyFile: '/key.pem' }
const owner = { nodeName: 'n1', datacenter: 'dc1' }

function open(options: Partial<TlsOptions>): Tls {
  return new Tls({ ...noTls, ...options }, owner, files)
}

t.test('what cannot be is said in the words of Consul', async (t) => {
  const loading = 'Failed to load cert/key pair: '
  const cases: readonly [options: Partial<TlsOptions>, fault: string][] = [
    [{ verifyOutgoing: true }, 'VerifyOutgoing set, and no CA certificate provided!'],
    [{ verifyIncoming: true }, 'VerifyIncoming set but no CA certificates were provided'],
    [{ verifyIncomingRpc: true }, 'VerifyIncoming set but no CA certificates were provided'],
    [
      { verifyIncomingHttps: true, caFile: '/ca.pem' },
      'VerifyIncoming requires either a Cert and Key pair in the configuration file, or auto_encrypt/auto_config be enabled',
    ],
    [
      { minVersion: 'x', verifyOutgoing: true },
      'TLSMinVersion: value x not supported, please specify one of [tls10, tls11, tls12, tls13]',
    ],
    [
      { caFile: '/none.pem' },
      'Error loading from /none.pem: open /none.pem: no such file or directory',
    ],
    [{ caFile: '/bad.pem' }, "Couldn't parse PEM bad\n"],
    [{ caPath: '/none' }, 'lstat /none: no such file or directory'],
    [{ caPath: '/empty' }, 'Error loading from CAPath: no CAs found'],
    [{ ...all, keyFile: '/none' }, `${loading}open /none: no such file or directory`],
    [
      { ...all, certFile: '/bad.pem' },
      `${loading}tls: failed to find any PEM data in certificate input`,
    ],
    [{ ...all, certFile: '/torn.pem' }, `${loading}x509: malformed certificate`],
    [{ ...all, keyFile: '/bad.pem' }, `${loading}tls: failed to find any PEM data in key input`],
    [{ ...all, keyFile: '/torn-key.pem' }, `${loading}tls: failed to parse private key`],
    [{ ...all, keyFile: '/their-key.pem' }, `${loading}tls: private key does not match public key`],
  ]
  for (const [options, message] of cases) t.throws(() => open(options), { message }, message)
})

t.test('what files say', async (t) => {
  const cases: readonly [options: Partial<TlsOptions>, material: TlsMaterial][] = [
    [{}, { authorities: undefined, identity: undefined }],
    [{ certFile: '/cert.pem' }, { authorities: undefined, identity: undefined }],
    [{ keyFile: '/bad.pem' }, { authorities: undefined, identity: undefined }],
    [all, { authorities: [authority.trim()], identity: { cert, key } }],
    [
      { caFile: '/both.pem' },
      { authorities: [authority.trim(), other.trim()], identity: undefined },
    ],
    [{ caPath: '/many' }, { authorities: [authority.trim(), other.trim()], identity: undefined }],
    [
      { caFile: '/ca.pem', caPath: '/empty' },
      { authorities: [authority.trim()], identity: undefined },
    ],
  ]
  for (const [options, material] of cases)
    t.strictSame(readMaterial({ ...noTls, ...options }, files), material, JSON.stringify(options))
})

t.test('who must prove what', async (t) => {
  const material = readMaterial({ ...noTls, ...all }, files)
  const options = { ...noTls, verifyOutgoing: true }
  t.match(incoming(options, material, true), { requestCert: true, rejectUnauthorized: true, cert })
  t.match(incoming(options, material, false), { requestCert: false, rejectUnauthorized: false })
  t.equal(outgoing(noTls, material, 'dc1'), undefined, 'an authority alone makes no TLS')
  const byAuthority = outgoing(options, material, 'dc1')
  t.match(byAuthority, { rejectUnauthorized: true, ca: [authority.trim()] })
  t.equal(byAuthority?.servername, undefined)
  const byName = outgoing({ ...options, verifyServerHostname: true }, material, 'dc1')
  t.equal(byName?.servername, 'server.dc1.consul')
  t.equal(byName?.checkServerIdentity, undefined)
  t.equal(findTlsFault({ ...options, verifyIncoming: true }, material), undefined)
})

t.test('versions and cipher suites', async (t) => {
  const material = { authorities: undefined, identity: undefined }
  const context = contextOf(
    {
      ...noTls,
      minVersion: 'tls13',
      cipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    },
    material,
  )
  t.equal(context.minVersion, 'TLSv1.3')
  t.equal(
    context.ciphers,
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  )
  t.equal(contextOf(noTls, material).ciphers, undefined)
})

t.test('what is in force is replaced whole, or not at all', async (t) => {
  const tls = open({ ...all, verifyIncoming: true })
  const before = tls.now
  t.equal(before.verifyIncomingRpc, true)
  t.equal(before.checks, undefined)
  t.throws(() => tls.replace({ ...noTls, verifyOutgoing: true }))
  t.equal(tls.now, before)
  tls.replace({ ...noTls, ...all, forChecks: true })
  t.equal(tls.now.verifyIncomingRpc, false)
  t.equal(tls.now.checks?.serverName, 'n1')
  tls.replace({ ...noTls, ...all, forChecks: true, serverName: 'web' })
  t.equal(tls.now.checks?.serverName, 'web')
})
