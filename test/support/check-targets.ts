import { createServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createSecureServer, createServer as createHttp2Server } from 'node:http2'
import type { Http2Server, ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

/** What stands behind a certificate that no authority vouches for. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

/** Something to check, on a loopback port of its own; disposing of it cuts its connections. */
export interface Target extends AsyncDisposable {
  readonly port: number
}

/** A web server with a page for every way in which a page can be right or wrong. */
export function httpTarget(): Promise<Target> {
  return listening(createServer(page))
}

export function httpsTarget(identity: Identity): Promise<Target> {
  return listening(createHttpsServer(identity, page))
}

/** Says this to whoever connects, whatever they say. */
export function tcpTarget(greeting: string): Promise<Target> {
  return listening(createTcpServer((socket) => socket.on('error', () => undefined).end(greeting)))
}

/** A gRPC server that answers for its health: see `answerHealth` for the services it knows. */
export function grpcTarget(identity?: Identity): Promise<Target> {
  const server = identity === undefined ? createHttp2Server() : createSecureServer(identity)
  server.on('stream', answerHealth)
  return listening(server)
}

/** Docker's API of running a command in a container, on a unix socket; each container behaves as it is called. */
export async function dockerTarget(socketPath: string): Promise<AsyncDisposable> {
  const server = createServer(docker)
  const close = closing(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath, resolve)
  })
  return { [Symbol.asyncDispose]: close }
}

async function listening(server: Server | HttpServer | Http2Server): Promise<Target> {
  const close = closing(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}

function closing(server: Server | HttpServer | Http2Server): () => Promise<void> {
  const sockets = new Set<Socket>()
  const note = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined)
  }
  server.on('connection', note)
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
}

/** Answers by path; a path of digits is a status, and any other is as good as 200. */
function page(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '', 'http://localhost')
  const to = (status: number, location: string): unknown =>
    response.writeHead(status, { Location: location }).end('moved')
  const pages: Readonly<Record<string, () => unknown>> = {
    '/ok': () => response.end('fine'),
    '/long': () => response.end('0123456789'.repeat(1000)),
    '/reason': () => response.writeHead(299, 'Quite Well').end('so'),
    '/echo': () => echo(request, response),
    '/302': () => to(302, '/echo'),
    '/303': () => to(303, '/echo'),
    '/307': () => to(307, '/echo'),
    '/loop': () => to(302, '/loop'),
    '/nowhere': () => response.writeHead(302).end('where?'),
    '/304': () => response.writeHead(304).end(),
    '/silent': () => undefined,
    '/stalled': () => response.writeHead(200, { 'Content-Length': '100' }).write('half'),
    '/broken': () => {
      response.writeHead(200, { 'Content-Length': '100' }).write('half')
      setImmediate(() => request.socket.destroy())
    },
    '/gone': () => request.socket.destroy(),
    '/gzip-stalled': () =>
      response
        .writeHead(200, { 'Content-Encoding': 'gzip' })
        .write(gzipSync('packed').subarray(0, 10)),
    '/gzip': () =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('packed and unpacked')),
  }
  const answer = pages[pathname]
  if (answer !== undefined) answer()
  else response.writeHead(Number(pathname.slice(1)) || 200).end('as asked')
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const headers = Object.entries(request.headers)
      .map(([name, value]) => `${name}: ${String(value)}`)
      .toSorted()
    response.end([request.method, ...headers, Buffer.concat(chunks).toString()].join('; '))
  })
}

/** `grpc.health.v1.Health/Check`; what the service is called is what becomes of the question. */
function answerHealth(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = []
  stream.on('error', () => undefined)
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    const service = Buffer.concat(chunks).subarray(7).toString()
    const answer = healthAnswers[service]
    if (answer === undefined) refuse(stream)
    else answer(stream)
  })
}

const grpcHeaders = { ':status': 200, 'content-type': 'application/grpc' }

const serve =
  (status: number) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond(grpcHeaders, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]))
  }

const healthAnswers: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  '': serve(1),
  up: serve(1),
  unknown: serve(0),
  down: serve(2),
  silent: () => undefined,
  reset: (stream) => stream.close(2),
  web(stream) {
    stream.respond({ ':status': 200, 'content-type': 'text/html' })
    stream.end('hello')
  },
  teapot: (stream) => stream.respond({ ':status': 418 }, { endStream: true }),
}

function refuse(stream: ServerHttp2Stream): void {
  const status = { 'grpc-status': '5', 'grpc-message': 'unknown service: 100%25' }
  stream.respond({ ...grpcHeaders, ...status }, { endStream: true })
}

/** A question to Docker, and whom it is about: a container, or a command that was made in it. */
interface DockerQuestion {
  readonly id: string
  /** All of it, as it was asked. */
  readonly text: string
  readonly response: ServerResponse
}

function docker(request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', headers } = request
  const [, kind = '', escaped = '', verb = ''] = url.split('/')
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString().trim()
    const text = [method, url, headers.host, headers['content-type'], body].join(' ')
    const question = { id: decodeURIComponent(escaped), text, response }
    if (kind === 'containers') createExec(question)
    else if (verb === 'json') inspectExec(question)
    else startExec(question)
  })
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** A container's name is what happens to commands in it, and the id of each of them. */
function createExec({ id, text, response }: DockerQuestion): void {
  const refusals: Readonly<Record<string, number>> = { absent: 404, paused: 409, faulty: 500 }
  const refusal = refusals[id]
  if (refusal !== undefined) json(response, refusal, { message: 'oh no' })
  else if (id === 'garbled') response.writeHead(201).end('{')
  else if (id === 'cut') response.destroy()
  else json(response, 201, { Id: id === 'echo' ? `echo-${Buffer.from(text).toString('hex')}` : id })
}

function startExec({ id, text, response }: DockerQuestion): void {
  const refusals: Readonly<Record<string, number>> = { unstartable: 404, stopped: 409 }
  const refusal = refusals[id]
  if (refusal !== undefined) json(response, refusal, {})
  else if (id === 'long') response.end('0123456789'.repeat(1000))
  else if (id.startsWith('echo-'))
    response.end(`${Buffer.from(id.slice(5), 'hex').toString()} | ${text.replace(id, '<id>')}`)
  else if (id !== 'silent') response.end(`output of ${id}`)
}

/** The number that an id ends with is the command's exit code. */
function inspectExec({ id, response }: DockerQuestion): void {
  const refusals: Readonly<Record<string, number>> = { unfinished: 404, unknowable: 500 }
  const refusal = refusals[id]
  if (refusal !== undefined) json(response, refusal, { message: 'no idea' })
  else json(response, 200, { ExitCode: id.startsWith('exit') ? Number(id.slice(4)) : 0 })
}
