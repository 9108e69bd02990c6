import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { firstValue } from '../../api/plugins/go-json.ts'
import type { Tail } from '../command/tail.ts'
import { dial } from './dial.ts'
import { exchange } from './exchange.ts'
import type { WebAnswer } from './exchange.ts'
import { CheckFault, faultText } from './kind.ts'
import type { PeriodicKind, RunLimits } from './kind.ts'
import { exitStatus } from './script.ts'

const defaultHost = 'unix:///var/run/docker.sock'
/** Docker's answers about a run are short; only the run's own output is as long as it likes. */
const answerMaxBytes = 64 * 1024

/** A command in a container, through Docker's API; its exit code counts as a script's. DOCKER_HOST says where Docker listens. */
export const dockerCheck: PeriodicKind = {
  name: 'docker',
  /** Consul lets a command in a container take as long as it likes. */
  timeoutMs: 600_000,
  accepts: ({ DockerContainerID, ScriptArgs }) => DockerContainerID !== '' && ScriptArgs.length > 0,
  async run({ DockerContainerID: container, ScriptArgs }, limits) {
    try {
      const host = parseHost(process.env['DOCKER_HOST'] || defaultHost)
      const id = await createExec(host, container, ScriptArgs, limits)
      const output = await startExec(host, container, id, limits)
      const code = await inspectExec(host, container, id, limits)
      return { status: exitStatus(code), output: output.report() }
    } catch (error) {
      return { status: 'critical', output: faultText(error) }
    }
  },
}

/** Where Docker listens, and how errors spell that. */
interface DockerHost {
  readonly address: string
  readonly isSocketFile: boolean
  readonly origin: string
}

function parseHost(text: string): DockerHost {
  const [, protocol = '', address = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? []
  if (address === '') throw new CheckFault(`unable to parse docker host \`${text}\``)
  if (protocol === 'unix')
    return { address, isSocketFile: true, origin: `http://${encodeURIComponent(address)}` }
  if (protocol !== 'tcp' && protocol !== 'http')
    throw new CheckFault(`unable to parse docker host \`${text}\``)
  return { address, isSocketFile: false, origin: `http://${address}` }
}

async function createExec(
  host: DockerHost,
  container: string,
  Cmd: readonly string[],
  limits: RunLimits,
): Promise<string> {
  const body = { AttachStdin: false, AttachStdout: true, AttachStderr: true, Tty: false, Cmd }
  const path = `/containers/${queryEscape(container)}/exec`
  const answer = await call(host, 'POST', path, body, small(limits)).catch((error: unknown) => {
    throw new CheckFault(`create exec failed for container ${container}: ${faultText(error)}`)
  })
  switch (answer.status) {
    case 201:
      return textOf(read(answer, `create exec response for container ${container}`)['Id'])
    case 404:
      throw new CheckFault(`create exec failed for unknown container ${container}`)
    case 409:
      throw new CheckFault(`create exec failed since container ${container} is paused or stopped`)
    default:
      throw unexpected(answer, `create exec failed for container ${container}`)
  }
}

async function startExec(
  host: DockerHost,
  container: string,
  id: string,
  limits: RunLimits,
): Promise<Tail> {
  const what = `start exec failed for container ${container}`
  const body = { Detach: false, Tty: true }
  const answer = await call(host, 'POST', `/exec/${id}/start`, body, limits).catch(
    (error: unknown) => {
      throw new CheckFault(`${what}: ${faultText(error)}`)
    },
  )
  switch (answer.status) {
    case 200:
      if (limits.signal.aborted)
        throw new CheckFault(`${what}: context deadline exceeded while reading output`)
      return answer.body
    case 404:
      throw new CheckFault(`${what}: invalid exec id ${id}`)
    case 409:
      throw new CheckFault(`start exec failed since container ${container} is paused or stopped`)
    default:
      throw unexpected(answer, what)
  }
}

async function inspectExec(
  host: DockerHost,
  container: string,
  id: string,
  limits: RunLimits,
): Promise<number> {
  const what = `inspect exec failed for container ${container}`
  const answer = await call(host, 'GET', `/exec/${id}/json`, undefined, small(limits)).catch(
    (error: unknown) => {
      throw new CheckFault(`${what}: ${faultText(error)}`)
    },
  )
  switch (answer.status) {
    case 200:
      return Number(read(answer, `inspect exec response for container ${container}`)['ExitCode'])
    case 404:
      throw new CheckFault(`${what}: invalid exec id ${id}`)
    default:
      throw unexpected(answer, what)
  }
}

async function call(
  host: DockerHost,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  limits: RunLimits,
): Promise<WebAnswer> {
  try {
    const socket = host.isSocketFile
      ? await dialFile(host.address, limits.signal)
      : await dial(host.address, limits.signal)
    return await exchange(socket, {
      ...limits,
      host: host.isSocketFile ? 'docker' : host.address,
      method,
      path,
      headers: body === undefined ? {} : { 'Content-Type': ['application/json'] },
      body: body === undefined ? '' : JSON.stringify(body),
    })
  } catch (error) {
    const word = method === 'GET' ? 'Get' : 'Post'
    throw new CheckFault(`${word} "${host.origin}${path}": ${faultText(error)}`)
  }
}

function dialFile(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, signal })
    socket.once('connect', () => {
      socket.on('error', () => undefined)
      resolve(socket)
    })
    socket.once('error', ({ code = '', message }: NodeJS.ErrnoException) =>
      reject(new CheckFault(`dial unix ${path}: connect: ${fileWords[code] ?? message}`)),
    )
  })
}

const fileWords: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function small(limits: RunLimits): RunLimits {
  return { ...limits, outputMaxBytes: answerMaxBytes }
}

function read({ body }: WebAnswer, what: string): Readonly<Record<string, unknown>> {
  try {
    return Object(firstValue(Buffer.from(body.text()))) as Record<string, unknown>
  } catch (error) {
    throw new CheckFault(`${what} cannot be parsed: ${faultText(error)}`)
  }
}

function unexpected({ status, body }: WebAnswer, what: string): CheckFault {
  return new CheckFault(`${what} with status ${status}: ${body.text()}`)
}

/** As a form's value, where a space is a plus. */
function queryEscape(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+')
}
