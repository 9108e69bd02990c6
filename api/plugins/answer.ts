import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'

import type { FastifyInstance, FastifyReply } from 'fastify'

import { encodeJson, indentJson } from '../../server/model/json.ts'
import { acceptsGzip, compress } from './gzip.ts'
import type { HeaderList } from './headers.ts'
import type { Parameters as QueryParameters } from './parameters.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** 200 with a value as JSON, or with another status. */
    json(value: unknown, headers?: HeaderList, status?: number): void
    /** 200, or another status, with JSON that is encoded already, compactly. */
    encoded(json: string, headers?: HeaderList, status?: number): void
    /**
     * 200 with rows that the server may hand out again: they are encoded once, and kept for as long as the server keeps them.
     * `encode` makes compact JSON, and must be the same function of the same rows each time.
     */
    rows<T extends object>(rows: T, encode: (rows: T) => string, headers?: HeaderList): void
    /** A plain text: what every error is. */
    plain(status: number, text: string, headers?: HeaderList): void
    /** 200, or another status, with a body of another type. */
    typed(type: string, body: string | Uint8Array, headers?: HeaderList, status?: number): void
    /** 200 with what a stream gives, for as long as it does. Resolves when it has ended or nobody listens any more. */
    stream(headers: HeaderList, source: Readable): Promise<void>
    /** A status and nothing else. */
    empty(status: number, headers?: HeaderList): void
  }
}

/** A body that is kept, and its gzipped form once somebody took that. */
interface Kept {
  readonly text: string
  zipped?: Buffer
}

const noHeaders: HeaderList = []
const jsonType: HeaderList = ['Content-Type', 'application/json']
const textType: HeaderList = ['Content-Type', 'text/plain; charset=utf-8']

/**
 * How everything is answered: past fastify's own serialisation, with all headers written at once, indented where asked, gzipped
 * for who takes it. `standing` are the headers of every answer.
 */
export function installAnswers(
  app: FastifyInstance,
  options: { readonly standing: HeaderList; readonly pretty: boolean },
): void {
  const { standing } = options
  const json = [...jsonType, ...standing]
  const kept = new WeakMap<object, { readonly compact: Kept; indented?: Kept }>()
  const isPretty = (reply: FastifyReply): boolean =>
    options.pretty || (reply.request.query as QueryParameters).has('pretty')

  app.decorateReply('json', function (value, headers = noHeaders, status = 200) {
    const body = encodeJson(value, { pretty: isPretty(this) })
    send(this, status, json.concat(headers), body)
  })
  app.decorateReply('encoded', function (text, headers = noHeaders, status = 200) {
    const body = isPretty(this) ? indentJson(text) : text
    send(this, status, json.concat(headers), body)
  })
  app.decorateReply('rows', function (rows, encode, headers = noHeaders) {
    let bodies = kept.get(rows)
    if (!bodies) kept.set(rows, (bodies = { compact: { text: encode(rows) } }))
    const body = isPretty(this)
      ? (bodies.indented ??= { text: indentJson(bodies.compact.text) })
      : bodies.compact
    send(this, 200, json.concat(headers), body.text, body)
  })
  app.decorateReply('plain', function (status, text, headers = noHeaders) {
    send(
      this,
      status,
      text === '' ? [...standing, ...headers] : [...textType, ...standing, ...headers],
      text,
    )
  })
  app.decorateReply('typed', function (type, body, headers = noHeaders, status = 200) {
    send(this, status, ['Content-Type', type, ...standing, ...headers], body)
  })
  app.decorateReply('stream', async function (headers, source) {
    const zip = acceptsGzip(this.raw.req.headers['accept-encoding'])
    const encoding = zip ? ['Content-Encoding', 'gzip'] : []
    begin(this.raw, 200, [...encoding, ...headers, ...standing])
    this.raw.flushHeaders()
    // What a log says is wanted when it says it, not when a block is full.
    const flush = constants.Z_SYNC_FLUSH
    if (zip) await pipeline(source, createGzip({ flush }), this.raw)
    else await pipeline(source, this.raw)
  })
  app.decorateReply('empty', function (status, headers = noHeaders) {
    send(this, status, [...standing, ...headers], '')
  })
}

/** Once a handler is done fastify answers in its stead, unless it is told that the answer is on its way. */
function send(reply: FastifyReply, ...answer: Tail<Parameters<typeof write>>): void {
  if (write(reply.raw, ...answer)) reply.hijack()
}

type Tail<List extends readonly unknown[]> = List extends readonly [unknown, ...infer Rest]
  ? Rest
  : never

/** Sends the answer; where the body is a kept one, its gzipped form is kept too. True where that will take a moment. */
export function write(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
  kept?: Kept,
): boolean {
  if (body.length === 0 || !acceptsGzip(raw.req.headers['accept-encoding'])) {
    end(raw, status, headers, body)
    return false
  }
  const zipped = kept?.zipped ?? compress(body)
  const zippedHeaders = ['Content-Encoding', 'gzip', ...headers]
  if (zipped instanceof Promise) {
    // A promise only because of its size. Should the compressor itself fail, the plain body is an answer too.
    zipped.then(
      (bytes) => end(raw, status, zippedHeaders, bytes),
      () => end(raw, status, headers, body),
    )
    return true
  }
  if (kept) kept.zipped = zipped
  end(raw, status, zippedHeaders, zipped)
  return false
}

function end(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  // As many bytes as characters is ASCII, which the socket writes faster when it is told.
  const encoding = length === body.length ? 'latin1' : 'utf8'
  endWith(raw, status, headers.concat('Content-Length', length), body, encoding)
}

/** The last step of every answer, also of those that never saw a route. */
export function endWith(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
  encoding: BufferEncoding = 'utf8',
): void {
  if (raw.headersSent || raw.destroyed) return
  begin(raw, status, headers)
  raw.end(body, encoding)
}

function begin(raw: ServerResponse, status: number, headers: HeaderList): void {
  // HTTP/1.1 connections stay open without being told, and Go doesn't tell; node:http would add two headers.
  if (raw.shouldKeepAlive && raw.req.httpVersionMinor > 0) raw.removeHeader('Connection')
  raw.writeHead(status, statusTexts[status], headers as string[])
}

/** Where Go's reason differs from Node's. */
const statusTexts: Readonly<Record<number, string | undefined>> = {
  413: 'Request Entity Too Large',
}
