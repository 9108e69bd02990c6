import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'

import { ipBytes } from '../../../server/gossip/wire/ip.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import type { Command } from '../command.ts'
import { fileFault, telling } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'
import { checkIssue, readAuthority } from '../tls/authority.ts'
import { issueLeaf } from '../tls/certificate.ts'
import type { LeafNames, Purpose } from '../tls/certificate.ts'
import { daysOf, saveFile } from '../tls/files.ts'

const daysDefault = 365
const filesMax = 10_000

const kinds = ['server', 'client', 'cli'] as const
type Kind = (typeof kinds)[number]

/** What each may be at the two ends of TLS; its first is what it mostly is. */
const purposes: Readonly<Record<Kind, readonly Purpose[]>> = {
  server: ['server', 'client'],
  client: ['client', 'server'],
  cli: [],
}

export const tlsCertCreateCommand: Command = {
  about: `Usage: praetor tls cert create [options]

  Makes a certificate, signed by an authority that "praetor tls ca create" made:

      $ praetor tls cert create -server
      $ praetor tls cert create -client

  With one for a server anybody can be a server, and see all that servers see:
  keep it on server hosts alone.`,
  flags: [
    {
      title: 'Command Options',
      flags: [
        {
          name: 'additional-dnsname',
          kind: 'string',
          optional: true,
          doc: 'A further DNS name that it is for, beside localhost. May be given several times.',
        },
        {
          name: 'additional-ipaddress',
          kind: 'string',
          optional: true,
          doc: 'A further address that it is for, beside 127.0.0.1. May be given several times.',
        },
        {
          name: 'ca',
          kind: 'string',
          doc: "The authority's certificate; #DOMAIN# is what -domain says.",
          initial: '#DOMAIN#-agent-ca.pem',
        },
        { name: 'cli', kind: 'bool', doc: 'Makes one for the command line.' },
        { name: 'client', kind: 'bool', doc: 'Makes one for a client agent.' },
        {
          name: 'days',
          kind: 'int',
          doc: 'How many days from now it is good for.',
          initial: daysDefault,
        },
        {
          name: 'dc',
          kind: 'string',
          doc: "The data centre, which is part of a server's name.",
          initial: 'dc1',
        },
        {
          name: 'domain',
          kind: 'string',
          doc: 'The domain of the cluster, which is part of all names.',
          initial: 'consul',
        },
        {
          name: 'key',
          kind: 'string',
          doc: "The authority's key; #DOMAIN# is what -domain says.",
          initial: '#DOMAIN#-agent-ca-key.pem',
        },
        {
          name: 'node',
          kind: 'string',
          doc: 'With -server: adds the name <node>.server.<dc>.<domain>.',
        },
        { name: 'server', kind: 'bool', doc: 'Makes one for a server.' },
      ],
    },
  ],
  async run(flags, io) {
    const kind = kindOf(flags)
    if (kind !== 'server' && (flags.value('node') ?? '') !== '')
      throw new PraetorError('bad-request', '-node requires -server')
    const domain = flags.value('domain') ?? 'consul'
    const named = (flag: 'ca' | 'key', suffix: string): string =>
      (flags.value(flag) ?? `#DOMAIN#-${suffix}`).replaceAll('#DOMAIN#', domain)
    const [caFile, keyFile] = [named('ca', 'agent-ca.pem'), named('key', 'agent-ca-key.pem')]
    const caPem = await telling('Error reading CA', read(caFile))
    const keyPem = await telling('Error reading CA key', read(keyFile))
    if (kind === 'server') io.out(warning)
    io.out(`==> Using ${caFile} and ${keyFile}\n`)

    const authority = readAuthority(caPem, keyPem)
    const names = namesOf(kind, flags, domain)
    const validity = { fromMs: systemClock.wallMs(), days: daysOf(flags, daysDefault) }
    checkIssue(authority, names, validity)
    const { certificate, key } = issueLeaf(names, purposes[kind], validity, authority)
    const prefix = freePrefix(`${flags.value('dc') ?? 'dc1'}-${kind}-${domain}`)
    saveFile(`${prefix}.pem`, certificate, 'public', io)
    saveFile(`${prefix}-key.pem`, key, 'secret', io)
    return 0
  },
}

const warning = `==> WARNING: Server Certificates grants authority to become a
    server and access all state in the cluster including root keys
    and all ACL tokens. Do not distribute them to production hosts
    that are not server nodes. Store them as securely as CA keys.
`

function kindOf(flags: ParsedFlags): Kind {
  const [kind, ...more] = kinds.filter((name) => flags.isTrue(name))
  if (kind === undefined || more.length > 0)
    throw new PraetorError('bad-request', 'Please provide either -server, -client, or -cli')
  return kind
}

async function read(path: string): Promise<string> {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    throw fileFault(error, path)
  }
}

function namesOf(kind: Kind, flags: ParsedFlags, domain: string): LeafNames {
  const common = `${kind}.${flags.value('dc') ?? 'dc1'}.${domain}`
  const node = flags.value('node') ?? ''
  const dns = [
    ...flags.values('additional-dnsname'),
    ...(node === '' ? [] : [`${node}.${common}`]),
    common,
    'localhost',
  ]
  const addresses = [
    ...flags.values('additional-ipaddress'),
    ...(kind === 'cli' ? [] : ['127.0.0.1']),
  ]
  return { common, dns, addresses: addresses.map(addressBytes) }
}

function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 0) throw new PraetorError('bad-request', 'failed to parse certificate')
  return ipBytes(address)
}

/** The first number with which there are no such files. */
function freePrefix(name: string): string {
  for (let number = 0; number <= filesMax; number += 1) {
    const prefix = `${name}-${number}`
    if (!existsSync(`${prefix}.pem`) && !existsSync(`${prefix}-key.pem`)) return prefix
  }
  throw new PraetorError('conflict', 'Could not find a filename that does not exist already')
}
