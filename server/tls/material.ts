import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'

import { describeError, PraetorError } from '../model/errors.ts'
import type { TlsOptions } from './options.ts'

/** The files of the host. What they throw is told as it stands: `open /x: no such file or directory`. */
export interface TlsFiles {
  kind(path: string): 'file' | 'directory' | 'none'
  list(path: string): readonly string[]
  read(path: string): string
}

/** What the files say: everything as PEM. */
export interface TlsMaterial {
  /** Undefined where nobody was named to be trusted. */
  readonly authorities: readonly string[] | undefined
  readonly identity: TlsIdentity | undefined
}

export interface TlsIdentity {
  /** The certificate, and those between it and the authority. */
  readonly cert: string
  readonly key: string
}

type Paths = Pick<TlsOptions, 'caFile' | 'caPath' | 'certFile' | 'keyFile'>

/** Reads what TLS is made of. Throws a PraetorError in Consul's words. */
export function readMaterial(paths: Paths, files: TlsFiles): TlsMaterial {
  const identity = readIdentity(paths, files)
  return { identity, authorities: readAuthorities(paths, files) }
}

function readIdentity({ certFile, keyFile }: Paths, files: TlsFiles): TlsIdentity | undefined {
  if (certFile === '' || keyFile === '') return undefined
  const read = (path: string): string => reading(path, files, unfit)
  const [cert, key] = [read(certFile), read(keyFile)]
  const [leaf] = blocksOf(cert, certificateLabel)
  if (leaf === undefined) throw unfit('tls: failed to find any PEM data in certificate input')
  if (blocksOf(key, /^(.* )?PRIVATE KEY$/).length === 0)
    throw unfit('tls: failed to find any PEM data in key input')
  const certificate = certificateOf(leaf)
  if (certificate === undefined) throw unfit('x509: malformed certificate')
  if (!isKeyOf(key, certificate)) throw unfit('tls: private key does not match public key')
  return { cert, key }
}

function isKeyOf(key: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    throw unfit('tls: failed to parse private key')
  }
}

function readAuthorities({ caFile, caPath }: Paths, files: TlsFiles): string[] | undefined {
  if (caFile === '' && caPath === '') return undefined
  const paths = caFile === '' ? filesUnder(caPath, files) : [caFile]
  if (paths.length === 0) throw wrong('Error loading from CAPath: no CAs found')
  const texts = paths.map((path) =>
    reading(path, files, (why) => wrong(`Error loading from ${path}: ${why}`)),
  )
  return texts.flatMap((text) => {
    const sound = blocksOf(text, certificateLabel).filter((block) => certificateOf(block))
    if (sound.length === 0) throw wrong(`Couldn't parse PEM ${text}`)
    return sound
  })
}

/** Those of the directories in it too, in the order of their names. */
function filesUnder(path: string, files: TlsFiles): string[] {
  const kind = files.kind(path)
  if (kind === 'none') throw wrong(`lstat ${path}: no such file or directory`)
  if (kind === 'file') return [path]
  return files
    .list(path)
    .toSorted()
    .flatMap((name) => filesUnder(join(path, name), files))
}

function reading(path: string, files: TlsFiles, fault: (why: string) => PraetorError): string {
  try {
    return files.read(path)
  } catch (error) {
    throw fault(describeError(error))
  }
}

const certificateLabel = /^CERTIFICATE$/

function blocksOf(pem: string, label: RegExp): string[] {
  return [...pem.matchAll(/-----BEGIN ([^-\n]+)-----\n[^-]*-----END \1-----/g)]
    .filter(([, found = '']) => label.test(found))
    .map(([block]) => block)
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function unfit(why: string): PraetorError {
  return wrong(`Failed to load cert/key pair: ${why}`)
}

function wrong(text: string): PraetorError {
  return new PraetorError('failed', text)
}
