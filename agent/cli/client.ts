import type { Agent, ClientRequest, IncomingMessage, request as Request } from 'node:http'

import { PraetorError } from '../../server/model/errors.ts'
import { goodAnswer } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { requestTarget } from '../request-target.ts'
import type { Query } from '../request-target.ts'
import { clientSettings } from './client-settings.ts'
import type { ClientSettings } from './client-settings.ts'
import type { Io } from './command.ts'
import { describeConnectionFault } from './connection-fault.ts'
import { telling } from './errno.ts'
import type { ParsedFlags } from './flags.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

export interface Question {
  readonly query?: Query
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  /** Ends it; the interruption of the command does where none is given. */
  readonly signal?: AbortSignal
}

interface Transport {
  readonly request: typeof Request
  readonly agent: Agent
}

/** No blocking query takes as long: an agent that says nothing for so long is gone. */
const silenceMaxMs = 11 * 60_000
/** As many redirects as Go's client follows. */
const redirectsMax = 10

/** The client of the flags and the environment. Throws a PraetorError where they make none. */
export async function connectAgent(flags: ParsedFlags, io: Io): Promise<ApiClient> {
  const settings = telling(
    'Error connecting to Consul agent',
    (async () => clientSettings(flags, io))(),
  )
  return new ApiClient(await settings, io)
}

/**
 * Consul's HTTP API as the commands ask it. Failures are PraetorErrors in the words of Go's client, since scripts look for them.
 * It stands on node:http, which is there as soon as the process is: any other client takes longer to load than most answers take.
 */
export class ApiClient {
  readonly settings: ClientSettings
  readonly #io: Io
  readonly #transport: Transport

  constructor(settings: ClientSettings, io: Io) {
    this.settings = settings
    this.#io = io
    this.#transport = loadTransport(settings, io.env)
  }

  /** The answer whatever its status. */
  async ask(method: Method, path: string, question: Question = {}): Promise<Answer> {
    const response = await this.open(method, path, question)
    const body = await readBody(response).catch((error: unknown) => {
      throw describeConnectionFault(error, method, this.#url(path, question))
    })
    return { status: response.statusCode ?? 0, index: indexOf(response), body }
  }

  /** The answer, which must be a good one. */
  async demand(method: Method, path: string, question: Question = {}): Promise<Answer> {
    return goodAnswer(await this.ask(method, path, question))
  }

  /** A read of what the servers know, from any of them where `-stale` says so. */
  async read(path: string, question: Question = {}): Promise<Answer> {
    return this.demand('GET', path, this.stale(question))
  }

  stale(question: Question): Question {
    return this.settings.stale ? { ...question, query: { ...question.query, stale: '' } } : question
  }

  /** An answer of which only the head has come. */
  async open(method: Method, path: string, question: Question = {}): Promise<IncomingMessage> {
    let [how, where, asked]: [Method, string, Question] = [
      method,
      this.#target(path, question),
      question,
    ]
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#send(how, where, asked).catch((error: unknown) => {
        throw describeConnectionFault(error, method, this.#url(path, question))
      })
      const { statusCode = 0, headers } = response
      if (headers.location === undefined || ![301, 302, 303, 307, 308].includes(statusCode))
        return response
      if (redirects === redirectsMax)
        throw new PraetorError('failed', `stopped after ${redirectsMax} redirects`)
      response.resume()
      const next = new URL(headers.location, 'http://agent')
      where = next.pathname + next.search
      if (statusCode < 307) {
        const { body: _dropped, ...rest } = asked
        ;[how, asked] = ['GET', rest]
      }
    }
  }

  async #send(method: Method, target: string, question: Question): Promise<IncomingMessage> {
    const { request, agent } = this.#transport
    const { body, signal = this.#io.interrupted } = question
    const { settings } = this
    const sized = typeof body === 'string' || body instanceof Uint8Array || body === undefined
    const size = sized ? Buffer.byteLength(body ?? '') : undefined
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...whereabouts(settings),
          ...settings.tls,
          agent,
          method,
          path: target,
          signal,
          headers: {
            ...settings.headers,
            ...(method === 'GET' || size === undefined ? {} : { 'Content-Length': size }),
          },
        },
        resolve,
      )
      sent.on('error', reject)
      sent.setTimeout(silenceMaxMs, () => sent.destroy(new Error('i/o timeout')))
      if (sized) sent.end(body)
      else pour(body, sent).catch((error: unknown) => sent.destroy(error as Error))
    })
  }

  #target(path: string, { query = {} }: Question): string {
    return requestTarget(path, { ...this.settings.query, ...query })
  }

  #url(path: string, question: Question): string {
    const { scheme, socket, address } = this.settings
    return `${socket ? 'http' : scheme}://${escapeHost(address)}${this.#target(path, question)}`
  }
}

/** An import would evaluate every export of these modules, and one of them is a whole other client: ten times the time. */
function loadTransport({ scheme, socket, address }: ClientSettings, env: Io['env']): Transport {
  const near = socket || /^(localhost|127\.|\[::1\])/.test(address)
  const name = scheme === 'http' || socket ? 'node:http' : 'node:https'
  const { request, Agent } = process.getBuiltinModule(name)
  return {
    request,
    agent: new Agent({ keepAlive: true, ...(near ? {} : { proxyEnv: { ...env } }) }),
  }
}

function whereabouts({ socket, address }: ClientSettings): object {
  if (socket) return { socketPath: address }
  const match = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(address)
  const [, six, name, port] = match ?? []
  return { host: six ?? name ?? address, ...(port === undefined ? {} : { port: Number(port) }) }
}

function indexOf({ headers }: IncomingMessage): string {
  const index = headers['x-consul-index']
  return typeof index === 'string' ? index : '0'
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function pour(body: AsyncIterable<Uint8Array>, into: ClientRequest): Promise<void> {
  for await (const chunk of body)
    if (!into.write(chunk)) await new Promise((resolve) => into.once('drain', resolve))
  into.end()
}

function escapeHost(host: string): string {
  return host.replace(/[^\w.~!$&'()*+,;=:[\]<>"-]/g, encodeURIComponent)
}
