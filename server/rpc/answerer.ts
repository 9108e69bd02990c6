import type { Duplex } from 'node:stream'

import { PraetorError } from '../model/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { encodeMsgpack } from '../wire/msgpack.ts'
import { cancelMethod } from './caller.ts'
import { errorFields } from './error-wire.ts'
import type { ErrorFields } from './error-wire.ts'
import { MalformedMessage } from './message-extent.ts'
import { MessageReader, messageMaxBytes } from './message-reader.ts'
import type { Message } from './message-reader.ts'
import { Outbox } from './outbox.ts'

/** A call as its method sees it. */
export interface InboundCall {
  readonly method: string
  readonly body: unknown
  /** Fires when the caller gave up, or its connection closed. Made when it is first asked for. */
  readonly signal: AbortSignal
}

/** Carries out a call. What it resolves with is the answer's body; what it rejects with, the answer's error. */
export type CallHandler = (call: InboundCall) => Promise<unknown>

export interface AnswererConfig {
  readonly handle: CallHandler
  readonly log: Log
  readonly metrics: Metrics
  readonly limits?: AnswererLimits
}

export interface AnswererLimits {
  /** Calls of one connection that are being carried out; the next is read when one of them is done. */
  readonly callsMax: number
  /** A larger message ends the connection. */
  readonly messageMaxBytes: number
}

export const defaultAnswererLimits: AnswererLimits = { callsMax: 131_072, messageMaxBytes }

/**
 * The answering end of a connection, or of one stream of it. Calls are carried out side by side and answered as they get done;
 * a caller that wants them in order waits for the answer, as Consul's do.
 */
export class Answerer {
  readonly #transport: Duplex
  readonly #config: AnswererConfig
  readonly #limits: AnswererLimits
  readonly #outbox: Outbox
  readonly #reader: MessageReader
  readonly #calls = new Map<number, Call>()
  #running = 0
  #paused = false
  #closed = false

  constructor(transport: Duplex, config: AnswererConfig) {
    this.#transport = transport
    this.#config = config
    this.#limits = config.limits ?? defaultAnswererLimits
    this.#outbox = new Outbox(transport)
    this.#reader = new MessageReader(this.#limits.messageMaxBytes)
    transport.on('data', (chunk: Buffer) => this.#receive(chunk))
    transport.on('drain', () => this.#pace())
    transport.on('error', () => this.#close())
    transport.once('end', () => this.#close())
    transport.once('close', () => this.#close())
  }

  /** Calls that are being carried out. */
  get running(): number {
    return this.#running
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#reader.read(chunk)) this.#begin(message)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#config.log.warn({ err: error }, 'connection closed: it sent no message')
      this.#close()
    }
    this.#pace()
  }

  #begin({ header, body }: Message): void {
    const method = header['ServiceMethod']
    const sequence = header['Seq']
    if (
      typeof method !== 'string' ||
      (typeof sequence !== 'number' && typeof sequence !== 'bigint')
    )
      throw new MalformedMessage('a header without a method or a number')
    if (method === cancelMethod) return this.#cancel(body)
    this.#config.metrics.count('rpc.request')
    const call = new Call(method, body)
    this.#running += 1
    if (typeof sequence === 'number') this.#calls.set(sequence, call)
    void this.#carryOut(call, sequence)
  }

  async #carryOut(call: Call, sequence: number | bigint): Promise<void> {
    const { method } = call
    try {
      const body = encodeMsgpack(await this.#config.handle(call), oldSpec)
      if (body.length > answerMaxBytes)
        throw new PraetorError('too-large', `rpc: the answer has ${body.length} bytes`)
      this.#end(call, { Error: '', Seq: sequence, ServiceMethod: method }, body)
    } catch (error) {
      this.#config.metrics.count('rpc.request_error')
      if (!(error instanceof PraetorError) && !call.isAborted)
        this.#config.log.error({ err: error, method }, 'rpc: a method failed')
      this.#end(call, { ...errorFields(error), Seq: sequence, ServiceMethod: method }, nothing)
    }
  }

  #cancel(body: unknown): void {
    const sequence = (body as { readonly Seq?: unknown } | null)?.Seq
    if (typeof sequence === 'number') this.#calls.get(sequence)?.abort()
  }

  #end(call: Call, header: AnswerHeader, body: Uint8Array): void {
    this.#running -= 1
    if (typeof header.Seq === 'number' && this.#calls.get(header.Seq) === call)
      this.#calls.delete(header.Seq)
    if (this.#closed) return
    this.#outbox.put(encodeMsgpack(header, oldSpec))
    this.#outbox.put(body)
    this.#pace()
  }

  /** Reads on only while there is room: for calls to carry out, and for their answers. */
  #pace(): void {
    const pause = this.#running >= this.#limits.callsMax || this.#outbox.isFull
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#transport.pause()
    else this.#transport.resume()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const call of this.#calls.values()) call.abort()
    this.#calls.clear()
    this.#transport.destroy()
  }
}

interface AnswerHeader extends ErrorFields {
  readonly Seq: number | bigint
  readonly ServiceMethod: string
}

class Call implements InboundCall {
  readonly method: string
  readonly body: unknown
  #controller: AbortController | undefined
  #aborted = false

  constructor(method: string, body: unknown) {
    this.method = method
    this.body = body
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  get isAborted(): boolean {
    return this.#aborted
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}

const oldSpec = { oldSpec: true } as const
/** An error's body: an empty map. */
const nothing = encodeMsgpack({}, oldSpec)
/** A larger one would end the connection at the other side, and with it every call there; a header has room to spare. */
const answerMaxBytes = messageMaxBytes - 64 * 1024
