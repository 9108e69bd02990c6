import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'

import type { FastifyInstance, FastifyReply } from 'fastify'

import { encodeJson, indentJson } from '../../server/model/json.ts'
import { acceptsGzip, compress } from './gzip.ts'
import type { HeaderList } from './headers.ts'
import type { Parameters } from './parameters.ts'

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

interface Encoded {
  readonly compact: string
  /** The bodies that were asked for, made from it. */
  indented?: string
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
  const kept = new WeakMap<object, Encoded>()
  const isPretty = (reply: FastifyReply): boolean =>
    options.pretty || (reply.request.query as Parameters).has('pretty')

  app.decorateReply('json', function (value, headers = noHeaders, status = 200) {
    const body = encodeJson(value, { pretty: isPretty(this) })
    write(this.raw, status, [...jsonType, ...standing, ...headers], body)
  })
  app.decorateReply('encoded', function (json, headers = noHeaders, status = 200) {
    const body = isPretty(this) ? indentJson(json) : json
    write(this.raw, status, [...jsonType, ...standing, ...headers], body)
  })
  app.decorateReply('rows', function (rows, encode, headers = noHeaders) {
    let encoded = kept.get(rows)
    if (!encoded) kept.set(rows, (encoded = { compact: encode(rows) }))
    const all = [...jsonType, ...standing, ...headers]
    if (isPretty(this))
      write(this.raw, 200, all, (encoded.indented ??= indentJson(encoded.compact)))
    else write(this.raw, 200, all, encoded.compact, encoded)
  })
  app.decorateReply('plain', function (status, text, headers = noHeaders) {
    write(
      this.raw,
      status,
      text === '' ? [...standing, ...headers] : [...textType, ...standing, ...headers],
      text,
    )
  })
  app.decorateReply('typed', function (type, body, headers = noHeaders, status = 200) {
    write(this.raw, status, ['Content-Type', type, ...standing, ...headers], body)
  })
  app.decorateReply('stream', async function (headers, source) {
    const zip = acceptsGzip(this.raw.req.headers['accept-encoding'])
    const encoding = zip ? ['Content-Encoding', 'gzip'] : []
    begin(this.raw, 200, [...encoding, ...headers, ...standing])
    // What a log says is wanted when it says it, not when a block is full.
    const flush = constants.Z_SYNC_FLUSH
    if (zip) await pipeline(source, createGzip({ flush }), this.raw)
    else await pipeline(source, this.raw)
  })
  app.decorateReply('empty', function (status, headers = noHeaders) {
    write(this.raw, status, [...standing, ...headers], '')
  })
}

/** Sends the answer; where `encoded` is given, its gzipped form is kept with it. */
export function write(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
  encoded?: Encoded,
): void {
  if (body.length === 0 || !acceptsGzip(raw.req.headers['accept-encoding']))
    return end(raw, status, headers, body)
  const zipped = encoded?.zipped ?? compress(body)
  const zippedHeaders = ['Content-Encoding', 'gzip', ...headers]
  if (zipped instanceof Promise) {
    // A promise only because of its size. Should the compressor itself fail, the plain body is an answer too.
    zipped.then(
      (bytes) => end(raw, status, zippedHeaders, bytes),
      () => end(raw, status, headers, body),
    )
    return undefined
  }
  if (encoded) encoded.zipped = zipped
  return end(raw, status, zippedHeaders, zipped)
}

function end(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  endWith(raw, status, [...headers, 'Content-Length', length], body)
}

/** The last step of every answer, also of those that never saw a route. */
export function endWith(
  raw: ServerResponse,
  status: number,
  headers: HeaderList,
  body: string | Uint8Array,
): void {
  if (raw.headersSent || raw.destroyed) return
  begin(raw, status, headers)
  raw.end(body)
}

function begin(raw: ServerResponse, status: number, headers: HeaderList): void {
  // HTTP/1.1 connections stay open without being told, and Go doesn't tell; node:http would add two headers.
  if (raw.shouldKeepAlive && raw.req.httpVersionMinor > 0) raw.removeHeader('Connection')
  raw.writeHead(status, statusTexts[status], headers as string[])
  if (raw.req.method !== 'HEAD' && !headers.includes('Content-Length')) raw.flushHeaders()
}

/** Where Go's reason differs from Node's. */
const statusTexts: Readonly<Record<number, string | undefined>> = {
  413: 'Request Entity Too Large',
}
