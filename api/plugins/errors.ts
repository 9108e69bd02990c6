import type { FastifyReply } from 'fastify'

import { describeError, PraetorError } from '../../server/model/errors.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { HeaderList } from './headers.ts'

/** An error that is answered with more headers than the standing ones: reads of catalog and health carry an index even then. */
export class FailedRead extends Error {
  override readonly name = 'FailedRead'
  readonly headers: HeaderList

  constructor(cause: unknown, headers: HeaderList) {
    super(describeError(cause), { cause })
    this.headers = headers
  }
}

/** Prints what a handler threw, as Consul does: the message as plain text, the status by the error's kind. */
export function answerError(reply: FastifyReply, thrown: unknown, log: Log): void {
  // Nobody is there to be told: most often the reason for the error. The request is no witness: it is destroyed once it is read.
  if (reply.raw.destroyed) return
  const [error, headers] =
    thrown instanceof FailedRead ? [thrown.cause, thrown.headers] : [thrown, undefined]
  if (!(error instanceof PraetorError)) {
    log.error({ err: error, url: reply.request.raw.url }, 'a request failed by a fault of ours')
    reply.plain(500, describeError(error), headers)
  } else if (error.kind === 'too-large' && !reply.request.raw.complete)
    // The rest of the body is still on its way, and nobody will read it.
    reply.plain(error.status, error.message, [...(headers ?? []), 'Connection', 'close'])
  else reply.plain(error.status, error.message, headers)
}
