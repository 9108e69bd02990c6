import { readdirSync, readFileSync, statSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'

/** The files of the host, as far as reading configuration needs them. */
export interface FileReader {
  kind(path: string): 'file' | 'directory' | 'none'
  /** Names in a directory, in any order. Throws what the system says. */
  list(path: string): readonly string[]
  /** Throws what the system says. */
  read(path: string): string
}

/** What the configuration takes from the host when nobody says. */
export interface Host {
  readonly name: string
  /** The addresses of its interfaces, loopback left out. */
  readonly addresses: readonly string[]
}

export const systemFiles: FileReader = {
  kind(path) {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return 'none'
    return found.isDirectory() ? 'directory' : 'file'
  },
  list: (path) => readdirSync(path),
  read: (path) => readFileSync(path, 'utf8'),
}

export function systemHost(): Host {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
  return { name: hostname(), addresses }
}
