import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file or directory that a program made, as a text without what differs from run to run. Certificates are read by openssl. */
export async function describeArtifact(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined)
  if (status === undefined) return `${basename(path)}: not there`
  // Consul lets everybody read keys; we don't.
  const mode = path.endsWith('-key.pem') ? '<of a key>' : (status.mode & 0o777).toString(8)
  return `${basename(path)} ${mode}\n${untimed(await contents(path, status.isDirectory()))}`
}

async function contents(path: string, isDirectory: boolean): Promise<string> {
  if (isDirectory) return listing(await readdir(path, { recursive: true }))
  if (path.endsWith('.tar.gz'))
    return listing((await run('tar', ['-tzf', path])).stdout.trim().split('\n'))
  const text = await readFile(path, 'utf8')
  if (text.includes('BEGIN CERTIFICATE')) return certificate(path)
  return text.replace(/^[A-Za-z\d+/=]{20,}$/gm, '<base64>')
}

/** How often something was recorded depends on the moment. */
function listing(names: readonly string[]): string {
  const plain = names.map((name) => untimed(name.replace(/^\.\//, '').replace(/\/$/, '')))
  return [...new Set(plain)].toSorted().join('\n')
}

function untimed(text: string): string {
  return text.replace(/\b\d{10,}\b/g, '<number>')
}

async function certificate(path: string): Promise<string> {
  const args = ['x509', '-in', path, '-noout', '-text', '-certopt', 'no_sigdump']
  const { stdout } = await run('openssl', args)
  const [from, to] = ['Not Before: ', 'Not After : '].map((label) => {
    const date = RegExp(`${label}(.*)`).exec(stdout)?.[1] ?? ''
    return Date.parse(date)
  }) as [number, number]
  const days = Math.round((to - from) / 86_400_000)
  return (
    stdout
      .replace(/Not (Before|After ?): .*/g, `good for ${days} days`)
      .replace(/^.*\b([\dA-Fa-f]{2}:){7,}.*\n/gm, '')
      .replace(/^ +[\da-f]{2}(:[\da-f]{2})*\n/gm, '')
      // Everyone's authorities have a name of their own.
      .replace(/(Issuer|Subject): .*CN = \w+ Agent CA/g, '$1: <authority>')
  )
}
