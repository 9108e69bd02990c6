import { generateKeyPairSync } from 'node:crypto'

import forge from 'node-forge'

import type { Identity } from './check-targets.ts'

/** A certificate for 127.0.0.1 and localhost that vouches for itself: whoever has it in their store trusts it. */
export function trustedIdentity(): Identity {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey)
  certificate.serialNumber = '01'
  certificate.validity.notBefore = new Date(Date.UTC(2020, 0))
  certificate.validity.notAfter = new Date(Date.UTC(2120, 0))
  const name = [{ name: 'commonName', value: 'the house' }]
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 7, ip: '127.0.0.1' },
        { type: 2, value: 'localhost' },
      ],
    },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create())
  return { key: pair.privateKey, cert: forge.pki.certificateToPem(certificate) }
}
