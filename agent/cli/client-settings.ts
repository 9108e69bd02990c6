import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { PraetorError } from '../../server/model/errors.ts'
import type { Query } from '../request-target.ts'
import type { Io } from './command.ts'
import { fileFault } from './errno.ts'
import { parseBool } from './flags.ts'
import type { ParsedFlags } from './flags.ts'

/** Where the agent is, and what a request to it carries. */
export interface ClientSettings {
  readonly scheme: 'http' | 'https'
  /** `host:port` as it was given, or the path of a Unix socket. */
  readonly address: string
  readonly socket: boolean
  readonly headers: Readonly<Record<string, string>>
  /** What every request says of the servers to ask. */
  readonly query: Query
  readonly stale: boolean
  readonly tls: {
    readonly ca?: readonly string[]
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
    readonly rejectUnauthorized: boolean
  }
}

/** A flag goes before its environment variable. Throws a PraetorError for what can't be used. */
export function clientSettings(flags: ParsedFlags, io: Io): ClientSettings {
  const { env } = io
  const either = (flag: string, variable: string): string =>
    flags.value(flag) || env[variable] || ''
  const isTrue = (variable: string, initial: boolean): boolean => {
    const text = env[variable] ?? ''
    const parsed = text === '' ? initial : parseBool(text)
    if (parsed === undefined) io.err(`could not parse ${variable}: ${JSON.stringify(text)}\n`)
    return parsed ?? initial
  }
  const token =
    readToken(either('token-file', 'CONSUL_HTTP_TOKEN_FILE')) ||
    either('token', 'CONSUL_HTTP_TOKEN')
  const auth = env['CONSUL_HTTP_AUTH'] ?? ''
  return {
    ...readAddress(
      either('http-addr', 'CONSUL_HTTP_ADDR') || '127.0.0.1:8500',
      isTrue('CONSUL_HTTP_SSL', false),
    ),
    headers: {
      ...(token === '' ? {} : { 'X-Consul-Token': token }),
      ...(auth === '' ? {} : { Authorization: basic(auth) }),
    },
    query: {
      dc: flags.value('datacenter') || undefined,
      ns: either('namespace', 'CONSUL_NAMESPACE') || undefined,
    },
    stale: flags.isTrue('stale'),
    tls: {
      ...readAuthorities(either('ca-file', 'CONSUL_CACERT'), either('ca-path', 'CONSUL_CAPATH')),
      ...readPair(
        either('client-cert', 'CONSUL_CLIENT_CERT'),
        either('client-key', 'CONSUL_CLIENT_KEY'),
      ),
      ...named('servername', either('tls-server-name', 'CONSUL_TLS_SERVER_NAME')),
      rejectUnauthorized: isTrue('CONSUL_HTTP_SSL_VERIFY', true),
    },
  }
}

/** CONSUL_HTTP_SSL holds even against `http://`, as in Consul. */
function readAddress(
  text: string,
  tls: boolean,
): Pick<ClientSettings, 'scheme' | 'address' | 'socket'> {
  const scheme = tls ? 'https' : 'http'
  const parted = /^(.*?):\/\/(.*)$/s.exec(text)
  if (parted === null) return { scheme, address: text, socket: false }
  const [, protocol = '', address = ''] = parted
  switch (protocol) {
    case 'http':
      return { scheme, address, socket: false }
    case 'https':
      return { scheme: 'https', address, socket: false }
    case 'unix':
      return { scheme, address, socket: true }
    default:
      throw new PraetorError('failed', `Unknown protocol scheme: ${protocol}`)
  }
}

function basic(auth: string): string {
  const whole = auth.includes(':') ? auth : `${auth}:`
  return `Basic ${Buffer.from(whole).toString('base64')}`
}

function readToken(path: string): string {
  if (path === '') return ''
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new PraetorError('failed', `Error loading token file: ${fileFault(error, path).message}`)
  }
}

function readAuthorities(file: string, directory: string): { ca?: readonly string[] } {
  if (file !== '') return { ca: [readCertificate(file, 'Error loading CA File: ')] }
  if (directory === '') return {}
  const isDirectory = statOf(directory)
  const files = isDirectory
    ? readdirSync(directory)
        .toSorted()
        .map((name) => join(directory, name))
    : [directory]
  return { ca: files.map((path) => readCertificate(path, 'Error loading CA Path: ')) }
}

function statOf(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    throw new PraetorError('failed', fileFault(error, path).message.replace(/^stat /, 'lstat '))
  }
}

function readCertificate(path: string, what: string): string {
  const text = readText(path, what)
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new PraetorError('failed', `${what}Couldn't parse PEM in: ${path}`)
  return text
}

function readPair(certificate: string, key: string): { cert?: string; key?: string } {
  if (certificate === '' && key === '') return {}
  if (certificate === '' || key === '')
    throw new PraetorError('failed', 'both client cert and client key must be provided')
  return { cert: readText(certificate, ''), key: readText(key, '') }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new PraetorError('failed', `${what}${fileFault(error, path).message}`)
  }
}

function named(name: string, value: string): Record<string, string> {
  return value === '' ? {} : { [name]: value }
}
