import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Test } from 'tap'

import { readAuthority } from '../../agent/cli/tls/authority.ts'
import { issueAuthority, issueLeaf } from '../../agent/cli/tls/certificate.ts'

const loopback = Buffer.from([127, 0, 0, 1])

/** Files with a certificate and its key. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** An authority of its own, with files that go with the test. */
export interface TestAuthority {
  readonly caFile: string
  /** For servers and clients both, on the loopback. Issued again, it is another one in the same files. */
  issue(common: string): Promise<CertificateFiles>
}

export async function createAuthority(t: Pick<Test, 'teardown'>): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-tls-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const validity = { fromMs: Date.now() - 60_000, days: 1 }
  const own = issueAuthority(validity, [])
  const signer = readAuthority(own.certificate, own.key)
  const save = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name)
    await writeFile(path, text)
    return path
  }
  return {
    caFile: await save('authority.pem', own.certificate),
    async issue(common) {
      const names = { common, dns: [common, 'localhost'], addresses: [loopback] }
      const { certificate, key } = issueLeaf(names, ['server', 'client'], validity, signer)
      return {
        certFile: await save(`${common}.pem`, certificate),
        keyFile: await save(`${common}-key.pem`, key),
      }
    },
  }
}
