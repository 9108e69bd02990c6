import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'

import { must } from '../../../server/model/assert.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { dnsName, oids } from './certificate.ts'
import type { LeafNames, Signer, Validity } from './certificate.ts'
import { context, oid, readAll, tags } from './der.ts'
import type { Element } from './der.ts'

/** A certificate authority as its two files have it. */
export interface Authority extends Signer {
  readonly certificate: X509Certificate
  /** The DNS names that what it signs may have, with all under them; `undefined` for any. */
  readonly permitted: readonly string[] | undefined
}

/** Throws a PraetorError in Consul's words where these are no such files. */
export function readAuthority(certificatePem: string, keyPem: string): Authority {
  const keyLabel = labelOf(keyPem)
  if (keyLabel !== 'EC PRIVATE KEY')
    throw wrong(`unknown PEM block type for signing key: ${keyLabel}`)
  if (labelOf(certificatePem) !== 'CERTIFICATE')
    throw wrong('first PEM-block should be CERTIFICATE type')
  const certificate = sound(() => new X509Certificate(certificatePem))
  const key = sound(() => createPrivateKey(keyPem))
  const { subject, extensions } = partsOf(certificate.raw)
  const keyId = extensions.get(oids.subjectKeyId)
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const constraints = extensions.get(oids.nameConstraints)
  return {
    certificate,
    key,
    name: subject,
    keyId:
      keyId === undefined
        ? createHash('sha256').update(spki).digest()
        : must(readAll(keyId)[0], 'a key id is bytes').content,
    permitted: constraints === undefined ? undefined : permittedBy(constraints),
  }
}

/** Refuses what nobody who trusts the authority would accept from it. */
export function checkIssue(
  { certificate, key, permitted }: Authority,
  { dns }: LeafNames,
  { fromMs, days }: Validity,
): void {
  const untilMs = fromMs + days * 24 * 60 * 60 * 1000
  for (const endMs of [untilMs, certificate.validToDate.getTime()])
    if (endMs <= fromMs)
      throw wrong(
        `x509: certificate has expired or is not yet valid: current time ${seconds(fromMs)} is after ${seconds(endMs)}`,
      )
  if (!certificate.checkPrivateKey(key)) {
    const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? ''
    throw wrong(
      `x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate ${JSON.stringify(name)})`,
    )
  }
  const stranger = dns.find((name) => permitted?.some((domain) => isUnder(name, domain)) === false)
  if (stranger !== undefined)
    throw wrong(
      `x509: a root or intermediate certificate is not authorized to sign for this name: DNS name ${JSON.stringify(stranger)} is not permitted by any constraint`,
    )
}

function isUnder(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain.replace(/^\./, '')}`)
}

function labelOf(pem: string): string {
  const label = /-----BEGIN ([^-]+)-----/.exec(pem)?.[1]
  if (label === undefined) throw wrong('no PEM-encoded data found')
  return label
}

/** The subject and the values of the extensions, by their ids. */
function partsOf(certificate: Uint8Array): {
  readonly subject: Uint8Array
  readonly extensions: ReadonlyMap<string, Uint8Array>
} {
  const [body] = inside(inside({ content: certificate })[0])
  // Version, serial, algorithm, issuer, validity, subject (RFC 5280, 4.1).
  const parts = inside(body)
  const listed = parts.find(({ tag }) => tag === context(3, 'constructed'))
  const extensions = listed === undefined ? [] : inside(inside(listed)[0])
  const wanted = [oids.subjectKeyId, oids.nameConstraints]
  return {
    subject: must(parts[5], 'a certificate has a subject').whole,
    extensions: new Map(
      extensions.flatMap((one) => {
        const [id, ...rest] = inside(one)
        const value = must(
          rest.find(({ tag }) => tag === tags.bytes),
          'an extension has a value',
        ).content
        const name = wanted.find((known) =>
          oid(known).equals(must(id, 'an extension has an id').whole),
        )
        return name === undefined ? [] : [[name, value]]
      }),
    ),
  }
}

function permittedBy(constraints: Uint8Array): string[] | undefined {
  const trees = inside(readAll(constraints)[0])
  const permitted = trees.find(({ tag }) => tag === context(0, 'constructed'))
  if (permitted === undefined) return undefined
  return inside(permitted).flatMap((tree) => {
    const [base] = inside(tree)
    return base?.tag === context(dnsName) ? [Buffer.from(base.content).toString()] : []
  })
}

function inside(element: Pick<Element, 'content'> | undefined): Element[] {
  return readAll(must(element, 'node:crypto read it before us').content)
}

function seconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '')
}

function sound<Value>(read: () => Value): Value {
  try {
    return read()
  } catch {
    throw wrong('failed to parse certificate')
  }
}

function wrong(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
