import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { bitString, context, der, integer, oid, sequence, tags, time } from './der.ts'

/** A certificate and its key, both as PEM. */
export interface Issued {
  readonly certificate: string
  readonly key: string
}

/** Who signs. */
export interface Signer {
  /** The name in its own certificate, as it is encoded there. */
  readonly name: Uint8Array
  readonly keyId: Uint8Array
  readonly key: KeyObject
}

export interface Validity {
  readonly fromMs: number
  readonly days: number
}

export interface LeafNames {
  /** The first is the certificate's own name too. */
  readonly common: string
  readonly dns: readonly string[]
  /** As bytes: 4 or 16. */
  readonly addresses: readonly Uint8Array[]
}

export type Purpose = 'server' | 'client'

const dayMs = 24 * 60 * 60 * 1000
const serialBytes = 16

/** A certificate that signs itself. `permitted`: the only DNS names that what it signs may have; none for any. */
export function issueAuthority(validity: Validity, permitted: readonly string[]): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const serial = randomBytes(serialBytes)
  const decimal = BigInt(`0x${serial.toString('hex')}`)
  const name = commonName(`Praetor Agent CA ${decimal}`)
  const keyId = keyIdOf(publicKey)
  const signer = { name, keyId, key: privateKey }
  const constraints = permitted.map((domain) =>
    sequence(der(context(dnsName), Buffer.from(domain))),
  )
  const extensions = [
    keyUsage(usage.digitalSignature | usage.certificateSign | usage.crlSign),
    extension(oids.basicConstraints, sequence(der(tags.boolean, Buffer.from([0xff]))), 'critical'),
    ...keyIds(keyId, keyId),
    ...(permitted.length === 0
      ? []
      : [
          extension(
            oids.nameConstraints,
            sequence(der(context(0, 'constructed'), ...constraints)),
            'critical',
          ),
        ]),
  ]
  return seal({ serial, subject: name, publicKey, privateKey, validity, extensions }, signer)
}

/** A certificate for one side of TLS or both, the purposes in their order. */
export function issueLeaf(
  { common, dns, addresses }: LeafNames,
  purposes: readonly Purpose[],
  validity: Validity,
  signer: Signer,
): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = [
    ...dns.map((name) => der(context(dnsName), Buffer.from(name))),
    ...addresses.map((address) => der(context(ipAddress), address)),
  ]
  const extensions = [
    keyUsage(usage.digitalSignature | usage.keyEncipherment),
    ...(purposes.length === 0
      ? []
      : [
          extension(
            oids.extendedKeyUsage,
            sequence(...purposes.map((purpose) => oid(oids.purposes[purpose]))),
          ),
        ]),
    extension(oids.basicConstraints, sequence(), 'critical'),
    ...keyIds(keyIdOf(publicKey), signer.keyId),
    extension(oids.subjectAltName, sequence(...names)),
  ]
  const serial = randomBytes(serialBytes)
  const subject = commonName(common)
  return seal({ serial, subject, publicKey, privateKey, validity, extensions }, signer)
}

export const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  purposes: { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' },
} as const

/** The kinds of general name (RFC 5280, 4.2.1.6). */
export const dnsName = 2
const ipAddress = 7

/** The bits of the first byte, from its most significant (RFC 5280, 4.2.1.3). */
const usage = {
  digitalSignature: 0x80,
  keyEncipherment: 0x20,
  certificateSign: 0x04,
  crlSign: 0x02,
} as const

interface Unsigned {
  readonly serial: Uint8Array
  readonly subject: Uint8Array
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly validity: Validity
  readonly extensions: readonly Uint8Array[]
}

function seal(
  { serial, subject, publicKey, privateKey, validity, extensions }: Unsigned,
  signer: Signer,
): Issued {
  const algorithm = sequence(oid(oids.ecdsaWithSha256))
  const body = sequence(
    der(context(0, 'constructed'), integer(Buffer.from([version3]))),
    integer(serial),
    algorithm,
    signer.name,
    sequence(time(validity.fromMs), time(validity.fromMs + validity.days * dayMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(context(3, 'constructed'), sequence(...extensions)),
  )
  const signature = sign('sha256', body, signer.key)
  return {
    certificate: pem('CERTIFICATE', sequence(body, algorithm, bitString(signature))),
    key: privateKey.export({ type: 'sec1', format: 'pem' }),
  }
}

/** As it is numbered from zero. */
const version3 = 2

function commonName(text: string): Buffer {
  return sequence(der(tags.set, sequence(oid(oids.commonName), der(tags.utf8, Buffer.from(text)))))
}

function extension(id: string, value: Uint8Array, critical?: 'critical'): Buffer {
  const flag = critical === undefined ? [] : [der(tags.boolean, Buffer.from([0xff]))]
  return sequence(oid(id), ...flag, der(tags.bytes, value))
}

function keyUsage(bits: number): Buffer {
  // Of the lowest bit that is set: those below it are left out.
  const unused = 31 - Math.clz32(bits & -bits)
  return extension(oids.keyUsage, bitString(Buffer.from([bits]), unused), 'critical')
}

function keyIds(own: Uint8Array, signers: Uint8Array): Buffer[] {
  return [
    extension(oids.subjectKeyId, der(tags.bytes, own)),
    extension(oids.authorityKeyId, sequence(der(context(0), signers))),
  ]
}

function keyIdOf(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
